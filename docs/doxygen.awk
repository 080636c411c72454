# SPDX-License-Identifier: BSD-3-Clause
# doxygen.awk - makes a comment that starts in column 1 one of Doxygen's: its first line is the summary,
# less the name before " - "; the rest stands as it was laid out.
function summary(text)
{
    sub(/^br_[a-z0-9_, ]* - /, "", text)
    return text
}
FNR == 1 && /^\/\* SPDX/ { in_file_comment = 1 }
in_file_comment {
    print
    if (/\*\//)
        in_file_comment = 0
    next
}
/^\/\* .*\*\/ *$/ { print "/** " summary(substr($0, 4)); next }
/^\/\* / { print "/** " summary(substr($0, 4)); in_comment = 1; in_body = 0; next }
in_comment && /\*\/ *$/ {
    last = $0
    sub(/^ ?\*? ?/, "", last)
    sub(/ *\*\/ *$/, "", last)
    if (last != "" && last != "/")
        print (in_body ? "" : " * ") last
    print (in_body ? "@endverbatim */" : " */")
    in_comment = 0
    next
}
in_comment {
    line = $0
    sub(/^ \* ?/, "", line)
    if (line == "" && !in_body) {
        print " * @verbatim"
        in_body = 1
    } else
        print (in_body ? line : " * " line)
    next
}
{ print }
