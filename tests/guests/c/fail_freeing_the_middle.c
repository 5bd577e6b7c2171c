/* A pointer that malloc did not give. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = (char *)malloc(40) + 8;
    free(used); /* freed here */
    return 0;
}
