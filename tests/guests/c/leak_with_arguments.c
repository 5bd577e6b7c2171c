/* A main with arguments: those are libc's, which never frees them. */
#include <stdlib.h>

int main(int count, char **arguments) {
    char *block = malloc(40); /* lost here */
    block[0] = arguments[0][0];
    return block[0] == 0 || count != 1;
}
