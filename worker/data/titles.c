/* titles.c - see titles.h. */
#include "worker/data/titles.h"

#include <stdio.h>

#include "common/base/rng.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const adjectives[] = {
    "Silent", "Crimson",  "Last",    "Hidden", "Broken",   "Golden", "Distant", "Burning",
    "Quiet",  "Lost",     "Wild",    "Frozen", "Hollow",   "Bright", "Second",  "Restless",
    "Gentle", "Savage",   "Endless", "Paper",  "Northern", "Iron",   "Velvet",  "Borrowed",
    "Secret", "Electric", "Patient", "Salt",   "Midnight", "Tender", "Crooked", "Invisible"};

static const char *const nouns[] = {
    "Harbour",  "Garden",  "Winter",   "Letter",  "Orchard", "Mirror",   "River",   "Lantern",
    "Island",   "Summer",  "Stranger", "Bridge",  "Machine", "Horizon",  "Sparrow", "Clockmaker",
    "Monsoon",  "Voyage",  "Mountain", "Witness", "Theatre", "Shepherd", "Tiger",   "Cathedral",
    "Weather",  "Promise", "Station",  "Shadow",  "Comet",   "Baker",    "Atlas",   "Daughter",
    "Carnival", "Desert",  "Window",   "Engine",  "Library", "Tide",     "Hunter",  "Passenger",
    "Kingdom",  "Piano",   "Feather",  "Border",  "Sailor",  "Echo",     "Market",  "Astronomer"};

static const char *const places[] = {"Lisbon",  "the Rain",   "Samarkand",  "the Valley",
                                     "Tangier", "the Attic",  "Bergen",     "the Dark",
                                     "Odessa",  "the Desert", "Valparaiso", "the Snow"};

static const char *pick(struct rng *rng, const char *const *words, size_t count)
{
    return words[rng_below(rng, count)];
}

void title_make(uint64_t seed, uint64_t item, char *out, size_t size)
{
    struct rng rng;
    rng_init(&rng, seed, rng_stream("title", item, 0));
    const char *adjective = pick(&rng, adjectives, COUNT(adjectives));
    const char *noun = pick(&rng, nouns, COUNT(nouns));
    const char *other = pick(&rng, nouns, COUNT(nouns));
    const char *place = pick(&rng, places, COUNT(places));
    unsigned year = 1950 + (unsigned)rng_below(&rng, 75);
    switch (rng_below(&rng, 5)) {
    case 0: snprintf(out, size, "%s %s (%u)", adjective, noun, year); break;
    case 1: snprintf(out, size, "The %s and the %s (%u)", noun, other, year); break;
    case 2: snprintf(out, size, "A %s in %s (%u)", noun, place, year); break;
    case 3: snprintf(out, size, "%s's %s (%u)", noun, other, year); break;
    default: snprintf(out, size, "The %s %s (%u)", adjective, noun, year); break;
    }
}
