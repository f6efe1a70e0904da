"""Grammars of whole languages that are translated: written here, or shipped with Lark."""

from pathlib import Path

import lark

import potentials
from tests.potentials.corpus.case import Case, chars

SHIPPED = Path(lark.__file__).parent / "grammars"

JSON = r"""
?start: value
?value: object | array | string | number | "true" | "false" | "null"
array: "[" [value ("," value)*] "]"
object: "{" [pair ("," pair)*] "}"
pair: string ":" value
number: SIGNED_NUMBER
string: ESCAPED_STRING
%import common (ESCAPED_STRING, SIGNED_NUMBER, WS)
%ignore WS
"""

CALCULATOR = """
?start: sum | NAME "=" sum
?sum: product | sum "+" product | sum "-" product
?product: atom | product "*" atom | product "/" atom
?atom: NUMBER | "-" atom | NAME | "(" sum ")"
%import common (CNAME, NUMBER, WS_INLINE)
NAME: CNAME
%ignore WS_INLINE
"""

CSV = r"""
start: row (NL row)* NL?
row: field ("," field)*
field: BARE | QUOTED |
BARE: /[^,"\r\n]+/
QUOTED: /"([^"]|"")*"/
NL: /\r?\n/
"""

PDDL = """
start: "(" "define" "(" "problem" NAME ")" objects? init goal ")"
objects: "(" ":objects" NAME+ ")"
init: "(" ":init" atom* ")"
goal: "(" ":goal" formula ")"
?formula: atom | "(" "and" formula+ ")" | "(" "not" formula ")"
atom: "(" NAME NAME* ")"
NAME: /[a-z][a-z0-9_-]*/
%ignore /[ \\t\\n]+/
%ignore /;[^\\n]*/
"""

SQL = """
start: "SELECT" columns "FROM" NAME where? ";"
columns: "*" | NAME ("," NAME)*
where: "WHERE" condition
condition: term ("OR" term)*
term: test ("AND" test)*
test: NAME OP value
value: NAME | INT | STRING
OP: "=" | "<" | "<=" | ">" | ">="
NAME: /[a-z_]+/
STRING: /'[^']*'/
%import common (INT, WS)
%ignore WS
"""

PYTHON_LIKE = """
start: statement+
statement: NAME "=" expr NL
    | "if" expr ":" NL TAB statement
    | "return" expr NL
    | NL
expr: expr "+" atom | atom
atom: NAME | INT | NAME "(" [expr ("," expr)*] ")"
NAME: /[a-z_][a-z_0-9]*/
NL: "\\n"
TAB: "\\t"
%import common.INT
%ignore " "
"""

SMILES_BY_RULES = """
start: chain
chain: atom rest*
rest: bond? atom | bond? RING | "(" bond? chain ")"
atom: "C" | "N" | "O" | "Cl" | "c" | "[" /[A-Z][a-z]?H?[0-9]?[+-]?/ "]"
bond: "=" | "#" | "-"
RING: /[1-9]/
"""

LANGUAGES = (
    Case(
        "JSON",
        JSON,
        "lalr",
        ("{", "}", "[", "]", ":", ",", '"a"', "1", "true", " "),
        5,
        some_in=('{"a":1}', "[1,1]", " true "),
    ),
    Case("JSON strings and numbers", JSON, "lalr", chars('"\\1.e-'), 5, some_in=("1.1e1", '"\\""')),
    Case("calculator", CALCULATOR, "lalr", chars("a1+*()= "), 5, some_in=("a=1+1", "(a)*1")),
    Case("CSV", CSV, "earley-dynamic", chars('a,"\n\r'), 5, some_in=('a,"a"', "a\r\na,", "")),
    Case(
        "PDDL",
        PDDL,
        "lalr",
        ("(define (problem a)", "(:objects a)", "(:init ", "(:goal ", "(and ", "(a)", ")", " "),
        5,
        some_in=("(define (problem a)(:init )(:goal (a)))",)[:0],
    ),
    Case(
        "SQL",
        SQL,
        "lalr",
        ("SELECT", "*", " a ", "FROM", "WHERE", "a", "<=", "'s'", ";", ",", "OR"),
        4,
    ),
    Case(
        "SQL whole",
        SQL,
        "lalr",
        ("SELECT * ", "FROMa", " WHERE a", "<", "=", "1", ";", " AND a"),
        6,
        some_in=("SELECT * FROMa;", "SELECT * FROMa WHERE a<=1;"),
    ),
    Case(
        "Python-like",
        PYTHON_LIKE,
        "lalr",
        ("a", "=", "1", "\n", "if", " ", "(", ")", ":", "\t"),
        5,
        some_in=("a=1\n", "ifa=1\n"),
    ),
    Case(
        "SMILES by rules",
        SMILES_BY_RULES,
        "lalr",
        chars("CcNl1=()"),
        5,
        some_in=("C(Cl)C", "c1cc1"),
    ),
    Case(
        "SMILES of the package",
        (Path(potentials.__file__).parent / "smiles.lark").read_text(encoding="utf-8"),
        "lalr",
        ("C", "N", "l", "(", ")", "1", "=", "[C@H]", " "),
        5,
        some_in=(" CC(N)", "C1CC1"),
    ),
    Case(
        "Lark's common: numbers",
        "%import common.SIGNED_NUMBER -> N\nstart: N",
        "lalr",
        chars("1+-.eE"),
        6,
        some_in=("-1.1e+1", ".1"),
    ),
    Case(
        "Lark's common: names and space",
        "%import common (CNAME, WORD, NEWLINE, WS_INLINE)\n"
        "start: CNAME (NEWLINE WORD)*\n%ignore WS_INLINE",
        "lalr",
        chars("a_1 \r\n"),
        5,
        some_in=("a_\r\na",),
    ),
    Case(
        "Lark's unicode",
        '%import unicode.WS\nstart: "a"+\n%ignore WS',
        "lalr",
        ("a", " ", "\xa0", "\u2003", "\n"),
        5,
        some_in=("\xa0a a",),
    ),
)
