// A resource of the program's own kind, tracked through the header.
#include "airtight.h"

static uint32_t connect_to(const char *name) {
    return airtight_track("Connection", name);
}

int main(void) {
    uint32_t closed = connect_to("closed");
    connect_to("left");
    if (airtight_untrack(closed) != 0 || airtight_untrack(closed) != 8 || airtight_untrack(0) != 8) {
        return 1;
    }
    return 0;
}
