"""MiniCPM 5.

    <function name="get_weather"><param name="city">Paris</param><param name="days">2</param></function>
    <function name="note"><param name="text"><![CDATA[a < b
    c]]></param></function>

Text with a new line, < or & stands in a CDATA section; other values are as Python prints them, though the models write
JSON as well. Source: the chat template of openbmb/MiniCPM5-1B.
"""

from cortex.core.arguments.items import Items
from cortex.core.arguments.quoted import Quoted
from cortex.core.arguments.raw import Raw
from cortex.core.dialect import Dialect, Notation

VALUES = Quoted("<![CDATA[", "]]>", special="<&\n", values=Raw(words=True, literals=True))

DIALECT = Dialect(
    name="minicpm5",
    notation=Notation(
        call='<function name="«name»">«arguments»</function>',
        separator="\n",
        arguments=Items('<param name="«key»">«value»</param>', values=VALUES),
    ),
    detect=('<function name="', '<param name="', "<![CDATA["),
)
