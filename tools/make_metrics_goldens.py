"""Writes tests/golden/metrics: what the COCO caption evaluation gives for made-up captions.

Run by hand with Java and `pip install --no-deps pycocoevalcap==1.2 numpy`:
    python tools/make_metrics_goldens.py
The tokens come from Stanford's PTBTokenizer 3.4.1, the scores from pycocoevalcap's scorers.
"""

import json
import pathlib
import random

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "metrics"

HARD_CAPTIONS = r"""
A man (white) riding a wave.
A Man's dog doesn't like the "red" ball; it's 5'2" tall.
two-story building w/ 1/2 of a pizza & 3 1/2 apples, e.g. this...
hello!!! what??? ok -- fine - yes --- no 12:30 p.m. 1,000 $5.00
a cat [sitting] on {a} mat <b>bold</b> #hashtag @user
'tis the season y'all o'clock rock 'n' roll
polar bears' den, 50's '50s 1950's 1950s'
8 ft. tall & 10in. by 6ft.
he said hello.. / hello....
couldn't've ain't
:) <3
a man"s hat
cat's-eye
#5 and $20 and 50%
it`s
grey colour theatre
A train at the station at 5 p.m.
The letter A.
a 20-year-old man's t-shirt (x-ray) on-top
rock-n-roll top-of-the-line 3-d 3d d-3 a1b2 b_c _under under_
10in. 6ft. 5pm 5p.m. 12:30pm 1st 2nd 3rd 1990s 1990's '90s 90's 1,000,000 1,00 .5 -5 +5 a-5 5-a
dogs,3 cats, dogs. dogs.cats dogs.3 3.dogs 3.cats. end
U.S. flag. the U.S.A. team. Mr. Smith and Dr. Who vs. St. Johns etc. and so on. Jan. 5 no. 5 No. is
he said "hello" and 'goodbye' to "them." 'a' 'b "c" ("d")
don't won't can't cannot gonna wanna gotta lemme gimme shan't I'm you're he'll she'd we've it's
dogs' cats' 'em 'n' 'twas c'mon d'you ma'am o'reilly l'eau 'til 'cause
w/o w/ and/or a/c 1/2 3/4 1/2/2010 1-2 1-2-3 half/half/half
a & b AT&T R&B b&w black&white &amp; &lt; 5$ 5% 100% #1 #tag me@x.com http://x.com/a www.foo.com foo.com
a--b a -- b a - b a---b a–b a — b a ... b... c.. d.... e…
[a] {b} <c> (d) 5 < 6 > 4 a=b a+b ^ ~ | \ * ** a*b
!! !? ?! !!! ??? . .. ... .... , ,, ; : :: :-) ;) :( :D :/
é café naïve Éclair ÉCLAIR über £5 €5 ¢ © ® ™ ° 5° 5°C · • ♥ “quote” ‘quote’ don’t ½ 3½ ² m² Привет
a man's, woman's; the boys'. o'clock' rock'n'roll n't 't 's
Ph.D. e.g. i.e. a.m. B.C. J.R.R. Tolkien x.y. a.b a.b.c ok. O.K. i. b.
don't. won't? can't! isn't, I'd've shouldn't've who'd've
St. Bernard dog in front of Mt. Everest Ave. fig. approx. oz. lb. lbs. in. ft.
it's 5:30 o'clock at 5:30am 5:30-6:30 2x4 4x4 2 x 4 100mph 50mm f-16 747-400 mp3 i-pod tv's t.v.'s
the the, the; the: the! the? the' the" the) the] the} the- the-- -the --the 'the "the (the
cat'sup man'll've x'mas a'b d'ab q'ab will-o'-the-wisp jack-o-lantern t'aime
cat's-eye man's/woman's half-a-dozen's don't-care two-story's isn't-it a/b's co- -op
hello.world hello!world hello,world hello:world hello/world hello\world hello&world hello*world
Hello. World hello. world U.S. Government. The A. Man St. The D.C. area
in approx. 5 no. five no. 5 art. 5 p. 5 pp. 5 vol. 5 ch. 3 ft. lauderdale rd. dept. min. sq. inc. vs etc
'hello there' 'h' 'bout 'round '99 '9 '999 '80s' 'n n'
3 1/2s 1/2in 3-1/2 3 - 1/2 5 5 1/2 0.5 1.2.3 1:2:3 12:30:45 1, 2, 3 1.5, 1.) 3' 5" 3'5
5cm 8.5x11 3.5mm $5m 10k+ 24/7 7-up b-52s 50-50 1.5-2 1,000-2,000 1.5/2
a tabby cat 😀 on a 中文 sign
two <a b> tags </p>
al. cf. co. ct. dr. ft. ga. jr. ky. lt. md. mo. mr. ms. mt. ph. rd. rt. sq. sr. st. va. vs. vt.
wm. adj. adm. adv. ala. apr. aug. ave. bhd. cie. col. cos. cpl. dak. dec. det. drs. ens. esq.
est. etc. ext. feb. fla. fri. gen. gov. hon. inc. ind. jan. jos. jul. jun. kan. ltd. maj. mar.
mfg. mme. mon. mrs. mtg. neb. nev. nov. oct. pfc. plc. pte. pty. pvt. rep. rev. sen. sep. seq.
sfc. sgt. spc. ste. sys. tel. thu. tue. wed. wis. wyo. alex. ariz. assn. asst. atty. bldg.
blvd. brig. bros. capt. cmdr. colo. conn. corp. dept. elec. govs. insp. intl. invt. kans. mich.
minn. mlle. mont. msgr. natl. okla. penn. ppte. ppty. pres. prof. ptes. ptys. reps. sens. sept.
supt. tenn. tues. univ. wisc. sat. sun. may. june. dog. min.
art. 5 art. x ca. 5 ca. x fig. 5 fig. x figs. 5 figs. x no. 5 no. x nos. 5 nos. x op. 5 op. x
pp. 5 pp. x prop. 5 prop. x
"""

SUBJECTS = ["a man", "the woman", "two dogs", "a black cat", "a surfer", "the train", "an old clock",
            "a child's bike", "several people", "a red double-decker bus", "one zebra"]
VERBS = ["is sitting on", "rides", "stands next to", "is parked near", "looks at", "jumps over",
         "isn't touching", "rests beneath"]
PLACES = ["a wooden bench", "the ocean wave", "a busy street", "the kitchen counter", "a green field",
          "an empty station", "the snow-covered hill", "a couch"]
TAILS = ["", " in the rain", " at 5 p.m.", ", looking happy", " with a 1/2 eaten pizza", " (at night)",
         " next to the U.S. flag", "!!!"]


def sentence(rng, subject=None, place=None):
    return (f"{subject or rng.choice(SUBJECTS)} {rng.choice(VERBS)} {place or rng.choice(PLACES)}"
            f"{rng.choice(TAILS)}{rng.choice(['.', '', ' .'])}").capitalize()


def words(captions_by_image):
    return PTBTokenizer().tokenize(
        {key: [{"caption": caption} for caption in captions]
         for key, captions in captions_by_image.items()})


def tokens():
    rng = random.Random(1)
    captions = [line for line in HARD_CAPTIONS.split("\n") if line]
    captions += [sentence(rng) for _ in range(60)]
    tokenised = words({0: captions})[0]
    assert len(tokenised) == len(captions)
    return [{"caption": caption, "words": line} for caption, line in zip(captions, tokenised)]


def scores():
    rng = random.Random(2)
    references, hypotheses = {}, {}
    for image in range(40):
        subject, place = rng.choice(SUBJECTS), rng.choice(PLACES)
        references[image] = [sentence(rng, subject, place) for _ in range(rng.randint(1, 5))]
        hypotheses[image] = [sentence(rng, subject, rng.choice([None, place]))]
    references[7].append("A board 3 1/2 feet long.")  # one word with a no-break space inside
    hypotheses[7] = ["a board 3 1/2 feet long"]
    hypotheses[11] = [""]
    reference_words, hypothesis_words = words(references), words(hypotheses)
    bleu, bleu_images = Bleu(4).compute_score(reference_words, hypothesis_words, verbose=0)
    rouge, rouge_images = Rouge().compute_score(reference_words, hypothesis_words)
    cider, cider_images = Cider().compute_score(reference_words, hypothesis_words)
    return {
        "bleu": bleu, "rouge_l": float(rouge), "cider": float(cider),
        "samples": [{"caption": hypotheses[i][0], "references": references[i],
                     "bleu": [order[i] for order in bleu_images],
                     "rouge_l": float(rouge_images[i]), "cider": float(cider_images[i])}
                    for i in sorted(references)],
    }


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("ptb_tokens", tokens()), ("caption_scores", scores())):
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
