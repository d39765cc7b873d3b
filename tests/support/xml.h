/* xml.h - whether a text is well-formed XML, as far as our pictures use it: elements, attributes,
 * text, the five entities and character numbers. Threads: pure function. */
#ifndef SOUK_TESTS_SUPPORT_XML_H
#define SOUK_TESTS_SUPPORT_XML_H

/* NULL, or what is wrong (static). */
const char *xml_fault(const char *text);
/* How often a needle occurs. */
unsigned count_text(const char *text, const char *needle);

#endif
