import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.model.errors import Invalid
from inbox.model.tables import (
    Format,
    Table,
    cells_of,
    check_columns,
    check_named,
    column_of,
    columns_of,
    csv_line,
    json_line,
    rows_of,
    sheet_of,
    text_of,
)

lines = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).map(str.strip)
words = lines.filter(bool)
records = st.fixed_dictionaries(
    {
        "name": words,
        "phones": st.lists(words),
        "tags": st.lists(words),
        "fields": st.dictionaries(st.just("size"), words),
    }
)


@given(st.lists(records, min_size=1), st.sampled_from([",", ";"]))
def test_what_is_written_is_read_again_as_csv(written, delimiter):
    columns = columns_of(Table.CUSTOMERS, ["size"])
    made = csv_line(columns, delimiter) + b"".join(
        csv_line(cells_of(Table.CUSTOMERS, record, columns), delimiter) for record in written
    )
    sheet = sheet_of(Table.CUSTOMERS, text_of(made))
    told = [{field: value for field, value in record.items() if value} for record in written]
    assert [record for _, record in rows_of(Table.CUSTOMERS, sheet)] == told


@given(st.lists(records, min_size=1))
def test_what_is_written_is_read_again_as_json_lines(written):
    made = b"".join(map(json_line, written)).decode()
    sheet = sheet_of(Table.CUSTOMERS, made, Format.JSONL)
    told = [{field: value for field, value in record.items() if value} for record in written]
    assert [record for _, record in rows_of(Table.CUSTOMERS, sheet)] == told


@given(st.text())
def test_no_cell_is_a_formula(text: str):
    (cells,) = csv.reader(
        io.StringIO(csv_line([f"={text}", f"+{text}", f"-{text}", f"@{text}"], ",").decode(), newline="")
    )
    assert all(cell.startswith("'") for cell in cells)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Ім'я;Телефон".encode("utf-8-sig"), "Ім'я;Телефон"),
        ("Ім'я;Телефон".encode("utf-16"), "Ім'я;Телефон"),
        ("Ім'я;Телефон".encode("cp1251"), "Ім'я;Телефон"),
        ("Ім'я;Телефон".encode(), "Ім'я;Телефон"),
    ],
)
def test_a_file_says_itself_how_it_is_written(content, text):
    assert text_of(content) == text


def test_what_is_named_wrongly_is_refused():
    with pytest.raises(Invalid, match="encoding"):
        text_of("ї".encode("cp1251"), "utf-8")


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Phone", "phones"),
        ("ТЕЛЕФОН ", "phones"),
        ("Ім’я", "name"),
        ("ФИО", "name"),
        ("E-mail", "emails"),
        ("field:size", "field:size"),
        ("Shoe", None),
    ],
)
def test_headers_are_known_in_three_languages(header, column):
    assert column_of(Table.CUSTOMERS, header) == column


def test_a_file_of_something_else_is_refused():
    with pytest.raises(Invalid, match="name columns"):
        check_named(Table.ORDERS, sheet_of(Table.ORDERS, "a,b\n1,2\n"))
    with pytest.raises(Invalid, match="no text"):
        sheet_of(Table.CUSTOMERS, "PNG\x00\x01,name\n")


def test_columns_that_mean_the_same_list_count_together_and_of_others_the_first():
    sheet = sheet_of(Table.CUSTOMERS, "phone,ПІБ,телефон,name\n1,Ann,2;3,Bo\n")
    assert sheet.columns == ["phones", "name", "phones", None]
    ((_, record),) = rows_of(Table.CUSTOMERS, sheet)
    assert record == {"phones": ["1", "2", "3"], "name": "Ann"}


@pytest.mark.parametrize(
    ("columns", "field", "why"),
    [
        (["name"], "columns", "3 columns"),
        (["name", "pigeons", None], "columns.1", "there are: id, name, phones, .* field:…"),
        (["name", None, "name"], "columns.2", "already"),
        (["tags", None, "field:size"], "columns", "name or phones or emails or id"),
        (["name", "text:uk", None], "columns.1", "no column"),
        (["name", "field:", None], "columns.1", "no column"),
    ],
)
def test_columns_that_cannot_be_are_refused_by_their_place(columns, field, why):
    with pytest.raises(Invalid, match=why) as refused:
        check_columns(Table.CUSTOMERS, ["a", "b", "c"], columns)
    assert refused.value.field == field


def test_columns_may_be_lists_twice_and_fields_of_the_shops():
    check_columns(Table.CUSTOMERS, ["a", "b", "c"], ["phones", "phones", "field:Взуття"])
    check_columns(Table.MACROS, ["a", "b"], ["name", "text:uk"])


def test_rows_are_numbered_as_a_spreadsheet_shows_them():
    sheet = sheet_of(Table.CUSTOMERS, "name,tags\nAnn,[\n\nBo,a;b\n")
    (second, refused), (fourth, record) = rows_of(Table.CUSTOMERS, sheet)
    assert (second, fourth) == (2, 4)
    assert isinstance(refused, Invalid)
    assert refused.field == "tags"
    assert record == {"name": "Bo", "tags": ["a", "b"]}
