# Makes a C file of text files, so that the library holds them: NAME, an array, NAME_size, and
# NAME_sha256, the digest that a content security policy names. Several files are joined in order.
#   cmake -DNAME=symbol -DFILES="a;b" -DOUT=file.c -P embed.cmake
set(text "")
foreach(file ${FILES})
  file(READ ${file} part HEX)
  string(APPEND text ${part})
endforeach()
# The digest is that of the joined bytes, and CMake takes it of a file or of text without NUL.
set(joined ${OUT}.joined)
file(WRITE ${joined} "")
foreach(file ${FILES})
  file(READ ${file} part)
  if(part MATCHES "\r")
    message(FATAL_ERROR "${file}: has carriage returns, which a browser drops before it takes the digest")
  endif()
  file(APPEND ${joined} "${part}")
endforeach()
file(READ ${joined} check HEX)
if(NOT check STREQUAL text)
  message(FATAL_ERROR "${FILES}: not plain UTF-8 text")
endif()
file(SHA256 ${joined} digest)
file(REMOVE ${joined})

string(REGEX REPLACE "(................................)" "\\1\n" text "${text}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," text "${text}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," digest "${digest}")
file(WRITE ${OUT} "/* Made by cmake/embed.cmake. */
#include \"view/book_assets.h\"

const unsigned char ${NAME}[] = {
${text}
};
const size_t ${NAME}_size = sizeof ${NAME};
const unsigned char ${NAME}_sha256[32] = { ${digest} };
")
