// The data behind nfkc.hpp. Of this folder's own files.
//
// Numbers of five bits a letter (A-Z a-z 0-9 - _ are 0 to 63; 32 and above: more bits follow, the lowest stand first).
// Entries in the order of their code points, each beginning with the code points left out since the entry before.
//   Decompositions, of one level, without Hangul's: then a kind.
//     kind 0: how many more code points, a distance: each becomes the one so far away;
//     kind n above: n / 2 + 1 code points of what it becomes, the first as its distance, the others as theirs from U+0300;
//     odd: a primary composite, which the two become again.
//   Classes: how many more code points, and the combining class of them all.
// Distances are zigzag coded: 0, -1, 1, -2, 2 … are 0, 1, 2, 3, 4 …
#pragma once

#include <string_view>

namespace mbx::auth {

extern const std::string_view kDecompositionTable;
extern const std::string_view kClassTable;

}  // namespace mbx::auth
