// The data behind collation.hpp. Of this folder's own files.
//
// Entries in the order of their code points; each is numbers of five bits a letter (A-Z a-z 0-9 - _ are 0 to 63; 32 and
// above: more bits follow, the lowest stand first):
//   code points left out since the last one of the entry before; a kind;
//   kind 0 or 1: a count, a distance: so many code points in steps of 1 or 2, each of which becomes the one so far away;
//   kind n above: n - 1 code points of what it becomes, the first as its distance, the others as theirs from U+0300.
// Distances are zigzag coded: 0, -1, 1, -2, 2 … are 0, 1, 2, 3, 4 …
#pragma once

#include <string_view>

namespace mbx::mail {

extern const std::string_view kCollationTable;

}  // namespace mbx::mail
