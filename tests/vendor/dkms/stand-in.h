/* A stand-in for tests: a module of the right name, version and licence that does nothing. */
#include <linux/module.h>
static int __init stand_in_begin(void) { return 0; }
static void __exit stand_in_end(void) { }
module_init(stand_in_begin);
module_exit(stand_in_end);
MODULE_DESCRIPTION("stand-in for tests of clustr, not NVIDIA's");
MODULE_VERSION(STAND_IN_VERSION);
MODULE_LICENSE(STAND_IN_LICENSE);
