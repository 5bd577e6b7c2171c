/* Each block's last pointer in memory goes in another way. */
#include <stdlib.h>
#include <string.h>

struct holder {
    char *page;
    int number;
};

char *volatile kept;
struct holder *volatile holder;
struct holder inner;

__attribute__((noinline)) static void overwrites(void) {
    kept = malloc(11); /* lost here */
    kept = NULL; /* last pointer: overwritten */
}

__attribute__((noinline)) static void lets_go(void) {
    char *volatile local = malloc(22); /* lost here */
    *local = 1;
} /* last pointer: out-of-scope */

__attribute__((noinline)) static void frees(void) {
    holder = malloc(sizeof *holder);
    holder->page = malloc(33); /* lost here */
    free(holder); /* last pointer: freed */
}

__attribute__((noinline)) static void fills(void) {
    inner.page = malloc(44); /* lost here */
    memset(&inner, 0, sizeof inner); /* last pointer: overwritten */
}

__attribute__((noinline)) static void copies(void) {
    char bytes[sizeof kept];
    kept = malloc(55); /* lost here */
    /* Byte by byte: the pointer is back in memory before it goes. */
    for (unsigned nth = 0; nth < sizeof kept; nth++)
        ((char volatile *)bytes)[nth] = ((char volatile *)&kept)[nth];
    kept = NULL;
    for (unsigned nth = 0; nth < sizeof kept; nth++)
        ((char volatile *)&kept)[nth] = ((char volatile *)bytes)[nth];
    ((char volatile *)bytes)[1] = 7;
    ((char volatile *)&kept)[2] ^= 0x80; /* last pointer: overwritten */
    kept = NULL;
}

int main(void) {
    overwrites();
    lets_go();
    frees();
    fills();
    copies();
    return 0;
}
