/* The block's address is in dead frames, and in a live one of main until it returns. */
#include <stdlib.h>

__attribute__((noinline)) static int deep(int depth, char *volatile block) {
    char *volatile copies[8] = {block, block, block, block, block, block, block, block};
    return depth == 0 ? *copies[7] : deep(depth - 1, copies[depth % 8]) + 1;
}

int main(void) {
    char *volatile block = malloc(72); /* lost here */
    *block = 1;
    return deep(100, block) != 101;
}
