//! Whole ways through: what is in the file before, and what after.

mod bytes;
mod disk;

const BOOT: &str = "/home/ana/.maya-mcp/boot.py";
const ELSEWHERE: &str = "/srv/jörg's home/boot.py";

/// Files as they are met.
const FILES: [&[u8]; 24] = [
    b"",
    b"\n",
    b"\r",
    b"import studio\n",
    b"import studio",
    b"import studio\r\nstudio.start()\r\n",
    b"import studio\r\nstudio.start()",
    b"import studio\rstudio.start()\r",
    b"import studio\rstudio.start()",
    b"import studio\nmixed = 1\r\nends = 2\r",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbfimport studio\r\n",
    b"\xef\xbb\xbf# only a comment",
    b"# -*- coding: latin-1 -*-\nname = 'J\xf6rg'\n",
    b"# -*- coding: cp932 -*-\nname = '\x95\x5c'",
    b"\xff\x00\x80 no encoding at all \xc3",
    b"\"\"\"A docstring.\"\"\"\nfrom __future__ import print_function\n",
    b"if True:\n    import studio",
    b"open_bracket = [\n",
    b"\"\"\"an open string\n",
    b"# a comment that ends in a backslash \\",
    b"joined = 1 + \\\n    1\n",
    b"cut = 1 \\\n\n",
    b"\t \n\n\n   ",
];
