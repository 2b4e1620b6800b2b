package database

import "fmt"

// readable returns the records of the first page that has any that can be read. Rows that
// cannot be are passed over: the error names the first of them, and counts the others. A
// page that is full of them does not hide those behind it.
func readable[Row, Record any](limit int, read func(Row) (Record, error), page func(offset int) ([]Row, error)) (records []Record, err error) {
	var damaged error
	others := -1
	for offset := 0; ; offset += limit {
		rows, err := page(offset)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			record, err := read(row)
			if err == nil {
				records = append(records, record)
				continue
			}
			if others++; damaged == nil {
				damaged = err
			}
		}
		if len(records) > 0 || len(rows) < limit {
			break
		}
	}
	if others > 0 {
		damaged = fmt.Errorf("%w, and %d more", damaged, others)
	}
	return records, damaged
}
