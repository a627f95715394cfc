"""The cells of a file, as text: of a workbook, and what no table exceeds."""
