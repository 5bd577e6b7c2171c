/* A block of a mebibyte, and integers that look like addresses inside of it. */
#include <stdint.h>
#include <stdlib.h>

volatile uint32_t integers[64];

int main(void) {
    char *block = malloc(1 << 20); /* lost here */
    int inside = 0;
    for (uint32_t index = 0; index < 64; index++) {
        integers[index] = index << 16 | 0x4a30;
        inside += integers[index] - (uint32_t)block < 1 << 20;
    }
    return inside < 10;
}
