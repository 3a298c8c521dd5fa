// Ctrl-C, SIGTERM and a closed terminal: the first asks long work to save and stop, the second
// leaves at once.
#pragma once

namespace blip2 {

/// Installs the handlers. Call once, in main.
void install_interrupt_handlers();

/// Whether the user has asked to stop. Long loops look at it between two steps.
bool interrupted();

/// Throws kInterrupted if the user has asked to stop.
void throw_if_interrupted();

}  // namespace blip2
