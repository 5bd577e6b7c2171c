/* Two places, one of them reached on two ways. */
#include <stdlib.h>

char *volatile used;

__attribute__((noinline)) static void allocate(size_t size) {
    used = malloc(size); /* lost here */
}

int main(void) {
    allocate(100);
    allocate(200);
    used = malloc(300); /* lost here */
    used = NULL;
    return 0;
}
