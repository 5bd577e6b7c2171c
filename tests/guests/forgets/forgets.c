/* Builds structures of thousands of blocks, forgets a thousand of them, and prints what is lost and retained then, by its own
   account: lost blocks, their bytes, retained blocks, their bytes. The one argument is a seed.

   Nodes point to each other, to and fro; a third of them are in a hash table whose keys are their addresses, so that it has
   another order in another run; groups hold their members in arrays that grow. Before, other blocks were allocated, filled with
   pointers and freed, so that parts of nodes which nobody writes are full of old pointers.

   Compiled as the guests in ../c are, see build.sh there: with -g -O1 -fno-builtin --no-wasm-opt.

   To forget a node is to overwrite every pointer to it. Which nodes are reached is known from numbers, which are no pointers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 12000, FORGOTTEN = 1000, LINKS = 4, ROOTS = 200, BUCKETS = 1021, GROUPS = 300 };

struct node {
    struct node *links[LINKS];
    struct node *chain;
    uint32_t number;
    /* Up to 200 bytes that nobody writes. */
    char rest[];
};

struct group {
    struct node **members;
    uint32_t count, room;
};

static struct node *roots[ROOTS];
static struct node **buckets;
static struct group *groups;

/* The program's own account, in numbers: a link's node and one more, so that 0 is none. */
static uint16_t link_of[NODES][LINKS], root_of[ROOTS], group_of[NODES];
static uint8_t in_table[NODES], in_group[NODES], reached[NODES], gone[NODES];
static uint32_t size_of[NODES], hidden[NODES], group_bytes[GROUPS];
static uint16_t queue[NODES];
static uint32_t state;

static uint32_t below(uint32_t most) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (state >> 3) % most;
}

/* Where a node is, in a form that is no address. */
static struct node *at(uint32_t number) { return (struct node *)(uintptr_t)(hidden[number] ^ 0xa5a5a5a5u); }

static struct node **bucket_of(struct node *node) { return &buckets[((uintptr_t)node >> 3) % BUCKETS]; }

static void *checked(void *block) {
    if (!block) abort();
    return block;
}

/* Leaves freed memory full of pointers to the nodes that are there so far. */
static void litter(uint32_t nodes) {
    void *blocks[64];
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t words = 6 + below(60);
        struct node **words_at = blocks[i] = checked(malloc(words * sizeof *words_at));
        for (uint32_t word = 0; word < words; word++) words_at[word] = at(below(nodes));
    }
    for (uint32_t i = 0; i < 64; i++) free(blocks[i]);
    memset(blocks, 0, sizeof blocks);
}

static void join(struct group *group, uint32_t which, uint32_t number) {
    if (group->count == group->room) {
        group->room = group->room ? 2 * group->room : 4;
        group->members = checked(realloc(group->members, group->room * sizeof *group->members));
        group_bytes[which] = group->room * sizeof *group->members;
    }
    group->members[group->count++] = at(number);
}

static void build(void) {
    buckets = checked(calloc(BUCKETS, sizeof *buckets));
    groups = checked(calloc(GROUPS, sizeof *groups));
    for (uint32_t i = 0; i < NODES; i++) {
        if (i % 100 == 99) litter(i);
        size_of[i] = sizeof(struct node) + below(200);
        struct node *node = checked(malloc(size_of[i]));
        memset(node, 0, sizeof *node);
        node->number = i;
        hidden[i] = (uint32_t)(uintptr_t)node ^ 0xa5a5a5a5u;
        /* To and fro: most of what is lost are rings. */
        if (i > 0 && below(8) != 0) {
            uint32_t other = i - 1 - below(i < 40 ? i : 40), link = below(LINKS), back = below(LINKS);
            node->links[link] = at(other);
            link_of[i][link] = other + 1;
            at(other)->links[back] = node;
            link_of[other][back] = i + 1;
        }
        if (below(3) == 0) {
            struct node **bucket = bucket_of(node);
            node->chain = *bucket;
            *bucket = node;
            in_table[i] = 1;
        }
        if (below(5) == 0) {
            group_of[i] = below(GROUPS);
            in_group[i] = 1;
            join(&groups[group_of[i]], group_of[i], i);
        }
    }
    for (uint32_t i = 0; i < ROOTS; i++) {
        root_of[i] = below(NODES) + 1;
        roots[i] = at(root_of[i] - 1);
    }
}

/* Overwrites every pointer to a node. */
static void forget(uint32_t number) {
    struct node *node = at(number);
    gone[number] = 1;
    for (uint32_t i = 0; i < NODES; i++)
        for (uint32_t link = 0; link < LINKS; link++)
            if (link_of[i][link] == number + 1) {
                at(i)->links[link] = NULL;
                link_of[i][link] = 0;
            }
    for (uint32_t i = 0; i < ROOTS; i++)
        if (root_of[i] == number + 1) {
            roots[i] = NULL;
            root_of[i] = 0;
        }
    if (in_table[number]) {
        struct node **place = bucket_of(node);
        while (*place != node) place = &(*place)->chain;
        *place = node->chain;
        /* A chain is the table's, and what is out of the table is not in it. */
        node->chain = NULL;
        in_table[number] = 0;
    }
    if (in_group[number]) {
        struct group *group = &groups[group_of[number]];
        for (uint32_t i = 0; i < group->count; i++)
            if (group->members[i] == node) group->members[i] = NULL;
        in_group[number] = 0;
    }
}

static void reach(uint32_t number, uint32_t *end) {
    if (!reached[number]) {
        reached[number] = 1;
        queue[(*end)++] = number;
    }
}

static void account(void) {
    uint32_t end = 0, lost = 0, lost_bytes = 0, kept = 2, kept_bytes = BUCKETS * sizeof *buckets + GROUPS * sizeof *groups;
    for (uint32_t i = 0; i < ROOTS; i++)
        if (root_of[i]) reach(root_of[i] - 1, &end);
    for (uint32_t i = 0; i < NODES; i++)
        if (in_table[i] || in_group[i]) reach(i, &end);
    for (uint32_t next = 0; next < end; next++)
        for (uint32_t link = 0; link < LINKS; link++)
            if (link_of[queue[next]][link]) reach(link_of[queue[next]][link] - 1, &end);
    for (uint32_t i = 0; i < NODES; i++) {
        lost += !reached[i];
        lost_bytes += reached[i] ? 0 : size_of[i];
        kept += reached[i];
        kept_bytes += reached[i] ? size_of[i] : 0;
    }
    for (uint32_t i = 0; i < GROUPS; i++) {
        kept += group_bytes[i] != 0;
        kept_bytes += group_bytes[i];
    }
    printf("%u %u %u %u\n", lost, lost_bytes, kept, kept_bytes);
}

int main(int argc, char **argv) {
    state = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) * 2654435761u + 1 : 1;
    build();
    for (uint32_t forgotten = 0; forgotten < FORGOTTEN;) {
        uint32_t number = below(NODES);
        if (!gone[number]) {
            forget(number);
            forgotten++;
        }
    }
    account();
    return 0;
}
