/* A stand-in of Zephyr's macros of the devicetree: what is chosen, and the node zephyr,user. */
#ifndef STUB_DEVICETREE_H
#define STUB_DEVICETREE_H

#define STUB_CHOSEN_zephyr_console 1

#define DT_HAS_CHOSEN(name) STUB_CHOSEN_##name
#define DT_CHOSEN(name) name
#define DT_PATH(name) name
#define STUB_PROP(node, prop) STUB_##node##_##prop
#define DT_NODE_HAS_PROP(node, prop) STUB_HAS(node, prop)
#define STUB_HAS(node, prop) STUB_PROP(node, prop)

#endif
