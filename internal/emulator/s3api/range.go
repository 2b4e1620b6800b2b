package s3api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// byteRange is a part of an object's content.
type byteRange struct {
	offset, length int64
	partial        bool // the answer is 206
}

// parseRange reads a Range header for content of size bytes (RFC 9110 §14.2). What is
// not one well-formed range of bytes is ignored, as S3 ignores it; a range that
// begins behind the end is an error.
func parseRange(text string, size int64) (byteRange, error) {
	whole := byteRange{length: size}
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
		return whole, nil
	}
	start, okStart := position(first)
	end, okEnd := position(last)
	switch {
	case !okStart || !okEnd || first == "" && last == "":
		return whole, nil
	case first == "": // the last n bytes
		if end == 0 || size == 0 {
			return whole, invalidRange(text, size)
		}
		n := min(end, size)
		return byteRange{size - n, n, true}, nil
	case last != "" && end < start:
		return whole, nil
	case start >= size:
		return whole, invalidRange(text, size)
	case last == "" || end >= size:
		end = size - 1
	}
	return byteRange{start, end - start + 1, true}, nil
}

// position reads a number that may be missing. One that does not fit is as good as
// the largest that does.
func position(text string) (int64, bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	if text == "" {
		return 0, true
	}
	n, _ := strconv.ParseInt(text, 10, 64) // out of range: the largest int64
	return n, true
}

func invalidRange(text string, size int64) *api.Error {
	return &api.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "InvalidRange", Message: "The requested range is not satisfiable",
		Extra: [][2]string{{"RangeRequested", text}, {"ActualObjectSize", itoa(size)}}}
}

// partRange returns the range of a part by its number. An object that was not
// uploaded in parts is its own part 1.
func partRange(o object, number int) (byteRange, error) {
	if number > max(1, len(o.Pieces)) || number < 1 {
		return byteRange{}, &api.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "InvalidPartNumber", Message: "The requested partnumber is not satisfiable",
			Extra: [][2]string{{"PartNumberRequested", strconv.Itoa(number)}, {"ActualPartCount", strconv.Itoa(len(o.Pieces))}}}
	}
	r := byteRange{partial: o.Size > 0}
	for i, p := range o.Pieces[:number] {
		if i == number-1 {
			r.length = p.Size
			return r, nil
		}
		r.offset += p.Size
	}
	return r, nil
}

// contentRange is the header of the same name in a 206.
func (r byteRange) contentRange(size int64) string {
	return "bytes " + itoa(r.offset) + "-" + itoa(r.offset+r.length-1) + "/" + itoa(size)
}
