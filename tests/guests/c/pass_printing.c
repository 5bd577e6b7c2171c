/* Streams have buffers of their own; a stream that is opened has a block, and is closed. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    printf("%s %d %f\n", "a line", 7, 1.5);
    fprintf(stderr, "another\n");
    FILE *file = fopen("/tmp/text", "w");
    if (file == NULL || fputs("text", file) < 0 || fclose(file) != 0) return 1;
    return getenv("HOME") != NULL;
}
