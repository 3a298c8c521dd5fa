"""LAVIS's own BLIP-2 modules, imported from an unpacked wheel of PyPI `salesforce-lavis` 1.0.2, so that they run on today's
transformers and nothing else of what LAVIS depends on.

    pip download --no-deps salesforce-lavis==1.0.2 && python -m zipfile -e salesforce_lavis-1.0.2-*.whl lavis-1.0.2

What differs from the wheel:
  - packages' __init__ files, which import every model and data set, are skipped; timm, fairscale and the like are not
    there: what the modules take from them is replaced below, and none of it computes anything here;
  - names that transformers has moved since are put back where LAVIS looks for them;
  - ITM's negatives: the release adds 1e-4 to the weights, LAVIS's repository overwrites the own pair with -10000 before the
    softmax and adds nothing (models/blip2_models/blip2_qformer.py): PATCHES has the change, and the targets that captions of one
    picture share where a batch has image_id, which the release does not know;
  - weight decay by the repository's rule (models/blip2_models/blip2.py: get_optimizer_params), which is not the release's:
    parameter_groups().
"""
import importlib
import importlib.abc
import importlib.util
import pathlib
import sys
import tempfile
import types

import torch

# What the repository does with image_id (models/blip2_models/blip2_qformer.py), in our words.
SAME_IMAGE = '''def same_image(samples, rows):
    if "image_id" not in samples:
        return torch.eye(rows, dtype=torch.bool)
    ids = torch.tensor(samples["image_id"])
    return ids[:, None] == ids[None, :]


def shared_targets_loss(sim_i2t, sim_t2i, same):
    shares = same.float() / same.float().sum(1, keepdim=True)
    targets = 0.9 * shares + 0.1 / same.size(1)
    return -sum((F.log_softmax(sim, dim=1) * targets).sum(1).mean() for sim in (sim_i2t, sim_t2i)) / 2


'''

# module -> (text in the wheel, what stands there instead, how often it occurs)
PATCHES = {
    "lavis.models.blip2_models.blip2_qformer": [
        ("F.softmax(sim_t2i, dim=1) + 1e-4", "F.softmax(sim_t2i.masked_fill(same_image(samples, bs), -10000), dim=1)", 1),
        ("F.softmax(sim_i2t, dim=1) + 1e-4", "F.softmax(sim_i2t.masked_fill(same_image(samples, bs), -10000), dim=1)", 1),
        ("        ###============== Image-text Matching", """        if "image_id" in samples:
            loss_itc = shared_targets_loss(sim_i2t, sim_t2i, same_image(samples, bs))
        ###============== Image-text Matching""", 1),
        ('@registry.register_model("blip2")\n', SAME_IMAGE + '@registry.register_model("blip2")\n', 1),
    ],
}

# Packages whose own __init__ is skipped.
PACKAGES = ("lavis", "lavis.common", "lavis.models", "lavis.models.blip2_models", "lavis.models.blip_models")

# What LAVIS imports at the top of the files used here, and never calls in what is run here. trunc_normal_ fills weights that are
# overwritten; to_2tuple is timm's.
STAND_INS = {
    "omegaconf": ["OmegaConf"],
    "timm": [],
    "timm.models": [],
    "timm.models.hub": [],
    "timm.models.layers": ["drop_path"],
    "timm.models.registry": ["register_model"],
    "fairscale": [],
    "fairscale.nn": [],
    "fairscale.nn.checkpoint": [],
    "fairscale.nn.checkpoint.checkpoint_activations": ["checkpoint_wrapper"],
    "lavis.common.utils": ["get_abs_path", "is_url"],
}


def _refuse(name):
    def call(*_, **__):
        raise AssertionError(f"{name} has no stand-in: it was not thought to be called")
    return call


def _put_stand_ins():
    for name, attributes in STAND_INS.items():
        module = types.ModuleType(name)
        module.__path__ = []
        for attribute in attributes:
            setattr(module, attribute, _refuse(f"{name}.{attribute}"))
        sys.modules[name] = module
        if "." in name and not name.startswith("lavis"):
            setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    sys.modules["timm.models.layers"].trunc_normal_ = lambda tensor, **_: tensor
    sys.modules["timm.models.layers"].to_2tuple = lambda x: (x, x)


def _restore_moved_names():
    import transformers.modeling_utils as old
    import transformers.pytorch_utils as new
    for name in ("apply_chunking_to_forward", "find_pruneable_heads_and_indices", "prune_linear_layer"):
        if not hasattr(old, name):
            setattr(old, name, getattr(new, name))


class _PatchingLoader(importlib.abc.SourceLoader):
    def __init__(self, name, path):
        self.name, self.path = name, path

    def get_filename(self, fullname):
        return str(self.path)

    def get_data(self, path):
        text = pathlib.Path(path).read_text()
        for old, new, count in PATCHES.get(self.name, []):
            assert text.count(old) == count, f"{self.name}: expected {count} x {old!r}, found {text.count(old)}"
            text = text.replace(old, new)
        return text.encode()

    def path_stats(self, path):
        raise OSError("never from a cached file")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, root):
        self.root = root

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith("lavis."):
            return None
        file = self.root / (fullname.replace(".", "/") + ".py")
        if not file.exists():
            return None
        return importlib.util.spec_from_loader(fullname, _PatchingLoader(fullname, file))


def import_lavis(wheel):
    """`wheel`: the folder that holds `lavis/`. Returns a function from a module's name below `lavis.` to the module."""
    root = pathlib.Path(wheel).resolve()
    assert (root / "lavis" / "models" / "blip2_models" / "blip2_qformer.py").exists(), f"{root}: no unpacked salesforce-lavis"
    _put_stand_ins()
    _restore_moved_names()
    for name in PACKAGES:
        package = types.ModuleType(name)
        package.__path__ = [str(root / name.replace(".", "/"))]
        sys.modules[name] = package
    sys.meta_path.insert(0, _Finder(root))
    sys.modules["lavis.models"].BaseModel = importlib.import_module("lavis.models.base_model").BaseModel  # the registry looks there
    if not torch.distributed.is_initialized():  # the stage-1 model asks for its rank
        torch.distributed.init_process_group("gloo", init_method=f"file://{tempfile.mkdtemp()}/rendezvous", rank=0, world_size=1)
    return lambda name: importlib.import_module("lavis." + name)


def parameter_groups(model, weight_decay):
    """LAVIS's repository: 1-D tensors and names that end in ".bias" are not decayed; the 0-D temperature is."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    spared = [name.endswith(".bias") or p.ndim == 1 for name, p in trained]
    return [{"params": [p for (_, p), s in zip(trained, spared) if not s], "weight_decay": weight_decay},
            {"params": [p for (_, p), s in zip(trained, spared) if s], "weight_decay": 0.0}]
