/* A buffer that grows from 16 bytes to 64 KiB. */
#include <stdlib.h>

int main(void) {
    char *buffer = NULL;
    for (size_t size = 16; size <= 65536; size *= 4) {
        buffer = realloc(buffer, size); /* lost here */
        buffer[size - 1] = 1;
    }
    return buffer[65535] - 1;
}
