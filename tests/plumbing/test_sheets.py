"""CSV files are read line by line, and what is written is no formula anywhere."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing import sheets
from notifysite.plumbing.sheets import LONGEST, Line, NotASheet


def lines(data: bytes) -> list[Line]:
    return list(sheets.read(io.BytesIO(data)).lines)


def test_rows_have_their_line_numbers_and_blank_lines_are_none() -> None:
    (first, second) = lines(b"\xef\xbb\xbfEmail,Note\r\n\r\na@b.de, hello \r\n,\r\nb@b.de")
    assert (first.number, dict(first.values)) == (3, {"email": "a@b.de", "note": "hello"})
    assert (second.number, dict(second.values)) == (5, {"email": "b@b.de"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_headers(delimiter: str) -> None:
    data = delimiter.join(["channel", "Expires-At"]) + "\n" + delimiter.join(["sms", '"1"'])
    (line,) = lines(data.encode())
    assert dict(line.values) == {"channel": "sms", "expires_at": "1"}


def test_a_column_may_have_another_name() -> None:
    sheet = sheets.read(io.BytesIO(b"E-Mail\na"), aliases={"e_mail": "email"})
    assert (sheet.header, sheet.columns) == (("E-Mail",), ("email",))


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b'"a,b', "A quote is not closed, or not doubled; write each row on one line."),
        (b'"a"x,b', "A quote is not closed, or not doubled; write each row on one line."),
        (b"a,b,c", "3 cells for 2 columns; quote one with commas."),
        (b"M\xfcller,b", "Not in UTF-8; save the file as CSV in UTF-8."),
        (b"x" * (LONGEST * 3), f"Longer than {LONGEST} bytes; shorten it."),
    ],
    ids=["open quote", "stray quote", "too many", "latin-1", "too long"],
)
def test_a_bad_line_says_why_and_spoils_no_other(bad: bytes, problem: str) -> None:
    found = lines(b"email,note\na,1\n" + bad + b"\nb,2\n")
    assert [(line.number, line.problem) for line in found] == [(2, ""), (3, problem), (4, "")]
    assert [line.values.get("email") for line in (found[0], found[2])] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty"),
        (b"\n \n", "The file is empty"),
        ("email\n".encode("utf-16"), "Save the file as CSV in UTF-8."),
        (b"email,Email\n", "Name each column once"),
        (b'"email\n', "The first line must name the columns"),
        (b"email\x00\n", "The first line must name the columns"),
    ],
)
def test_what_is_no_sheet_says_what_to_do(data: bytes, told: str) -> None:
    with pytest.raises(NotASheet, match=told):
        sheets.read(io.BytesIO(data))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "＠"])
def test_what_could_be_a_formula_is_marked_and_read_back_as_it_was(start: str) -> None:
    cell = f'{start}HYPERLINK("x")'
    assert sheets.safe(cell) == f"'{cell}"
    assert sheets.plain(sheets.safe(cell)) == cell


@pytest.mark.parametrize("cell", ["", "a=b", "'quoted'", "4711", "a;=b"])
def test_what_could_be_none_stays_as_it_is(cell: str) -> None:
    assert (sheets.safe(cell), sheets.plain(cell)) == (cell, cell)


def test_every_cell_is_quoted_so_that_no_other_delimiter_splits_it() -> None:
    assert list(sheets.write([["a;=b", 'say "hi"']])) == ['"a;=b","say ""hi"""\r\n']


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1))
def test_whatever_is_written_is_one_row_of_cells_that_begin_with_no_sign(row: list[str]) -> None:
    (written,) = sheets.write([row])
    (read,) = csv.reader(io.StringIO(written, newline=""))
    assert [
        sheets.plain(cell) if cell != raw else cell for cell, raw in zip(read, row, strict=True)
    ] == row
    assert not any(cell.lstrip(" ").startswith(tuple("=+-@\t\r")) for cell in read)


def test_refused_lines_come_back_with_number_and_problem_and_can_be_read_again() -> None:
    data = b"phone,note,line,problem\n+49,a,7,old\n'+1,b\n1,x,y,z,zz\n"
    sheet = sheets.read(io.BytesIO(data))
    text = "".join(sheets.refused(sheet, list(sheet.lines)))
    assert text.splitlines() == [
        '"phone","note","line","problem"',
        '"\'+49","a","2",""',
        '"\'+1","b","3",""',
        '"1","x,zz","4","5 cells for 4 columns; quote one with commas."',
    ]
    assert [line.values["phone"] for line in lines(text.encode())] == ["+49", "+1", "1"]
