package cashttp

import (
	"net/http"
	"strconv"
	"testing"
)

// FuzzUploadFields: what is accepted means one thing, and written again it is the same.
func FuzzUploadFields(f *testing.F) {
	for _, seed := range [][3]string{
		{"?0", "0", "1"}, {"?1", "999999999999999", "1000000000000000"}, {" ?1 ", "-1", "+1"},
		{"?1;a=b", "1.0", "1, 2"}, {"1", "٣", "0x10"}, {"", " ", "007"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, complete, offset, length string) {
		fields, err := parseUploadFields(http.Header{"Upload-Complete": {complete}, "Upload-Offset": {offset}, "Upload-Length": {length}})
		if err != nil {
			return
		}
		for _, n := range []*int64{fields.offset, fields.length} {
			if *n < 0 || *n > 999_999_999_999_999 {
				t.Errorf("%q, %q: %d", offset, length, *n)
			}
		}
		again, err := parseUploadFields(http.Header{
			"Upload-Complete": {structured(*fields.complete)}, "Upload-Offset": {strconv.FormatInt(*fields.offset, 10)},
			"Upload-Length": {strconv.FormatInt(*fields.length, 10)},
		})
		if err != nil || *again.complete != *fields.complete || *again.offset != *fields.offset || *again.length != *fields.length {
			t.Errorf("%q, %q, %q: %v", complete, offset, length, err)
		}
		if total, err := fields.total(*fields.offset, 1<<62); err == nil && total < 0 {
			t.Errorf("a length of %d", total)
		}
	})
}

func TestUploadFields(t *testing.T) {
	t.Parallel()
	for header, refused := range map[string][]string{
		"Upload-Complete": {"", "1", "true", "?2", "?1;x", "?0, ?1"},
		"Upload-Offset":   {"", "-1", "+1", "1.5", "1000000000000000", "1 2", "?1"},
		"Upload-Length":   {"", "-1", "0x1", "9999999999999999"},
	} {
		for _, value := range refused {
			if _, err := parseUploadFields(http.Header{header: {value}}); err == nil {
				t.Errorf("%s: %q was accepted", header, value)
			}
		}
		if _, err := parseUploadFields(http.Header{header: {"1", "1"}}); err == nil {
			t.Errorf("%s was accepted twice", header)
		}
	}
	if fields, err := parseUploadFields(http.Header{}); err != nil || fields.complete != nil || fields.offset != nil || fields.length != nil {
		t.Errorf("nothing: %+v, %v", fields, err)
	}
}
