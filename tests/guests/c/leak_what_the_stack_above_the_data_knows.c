/* Linked with --no-stack-first: static data lies below the stack, and the stack is no root all the same. */
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
