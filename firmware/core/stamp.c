/* Time stamps: edges on the timing pin, or lines of text. */
#include "stamp.h"

#include "port.h"
#include "text.h"

void stamp_edge(void) {
#ifdef TB_ENERGY
    port_mark();
#endif
}

void stamp_text(uint32_t micros) {
#ifdef TB_ENERGY
    (void)micros;
#else
    text("m-lap-us-");
    text_u32(micros);
    text("\r\n");
#endif
}

void stamp_now(void) {
    stamp_edge();
    stamp_text(port_micros());
}
