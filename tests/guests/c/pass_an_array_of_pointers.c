/* Ten blocks in an array with initial values, one of them by its middle. */
#include <stdlib.h>

char nothing;
char *blocks[10] = {&nothing, &nothing};

int main(void) {
    for (int index = 0; index < 10; index++) {
        blocks[index] = malloc(100 + index); /* retained here */
    }
    blocks[5] += 50;
    return 0;
}
