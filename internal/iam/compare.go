package iam

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// match compares one value of the policy with one of the request. It is undecided
// when either is not of the operator's type.
func (c comparison) match(want, got string) verdict {
	switch c {
	case stringEquals:
		return verdictOf(want == got)
	case stringEqualsFold:
		return verdictOf(strings.EqualFold(want, got))
	case stringLike:
		return verdictOf(glob(want, got, false))
	case arnLike:
		return verdictOf(matchARN(want, got))
	case numericEquals, numericLess, numericLessEquals, numericGreater, numericGreaterEquals:
		order, err := compareNumbers(got, want)
		return c.ordered(order, err)
	case dateEquals, dateLess, dateLessEquals, dateGreater, dateGreaterEquals:
		order, err := compareDates(got, want)
		return c.ordered(order, err)
	case boolEquals:
		w, wantErr := parseBool(want)
		g, gotErr := parseBool(got)
		return decided(w == g, wantErr, gotErr)
	case binaryEquals:
		w, wantErr := base64.StdEncoding.DecodeString(want)
		g, gotErr := base64.StdEncoding.DecodeString(got)
		return decided(bytes.Equal(w, g), wantErr, gotErr)
	case ipInRange:
		w, wantErr := parseRange(want)
		g, gotErr := netip.ParseAddr(got)
		return decided(w.Contains(g.Unmap().WithZone("")), wantErr, gotErr)
	}
	return undecided
}

// checkValue reports why text cannot be a value of an operator with this comparison.
func (c comparison) checkValue(text string) error {
	var err error
	switch c {
	case numericEquals, numericLess, numericLessEquals, numericGreater, numericGreaterEquals:
		_, err = parseNumber(text)
	case dateEquals, dateLess, dateLessEquals, dateGreater, dateGreaterEquals:
		_, err = parseDate(text)
	case boolEquals, keyAbsent:
		_, err = parseBool(text)
	case binaryEquals:
		if _, bad := base64.StdEncoding.DecodeString(text); bad != nil {
			err = errors.New("is not base64")
		}
	case ipInRange:
		_, err = parseRange(text)
	}
	return err
}

func (c comparison) ordered(order int, err error) verdict {
	holds := false
	switch c {
	case numericEquals, dateEquals:
		holds = order == 0
	case numericLess, dateLess:
		holds = order < 0
	case numericLessEquals, dateLessEquals:
		holds = order <= 0
	case numericGreater, dateGreater:
		holds = order > 0
	case numericGreaterEquals, dateGreaterEquals:
		holds = order >= 0
	}
	return decided(holds, err)
}

func compareNumbers(a, b string) (int, error) {
	// Integers are compared as such: a float64 loses the last digits of large ones.
	i, errI := strconv.ParseInt(a, 10, 64)
	j, errJ := strconv.ParseInt(b, 10, 64)
	if errI == nil && errJ == nil {
		return order(i, j), nil
	}
	x, errX := parseNumber(a)
	y, errY := parseNumber(b)
	return order(x, y), errors.Join(errX, errY)
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parseNumber reads a decimal number; unlike strconv it knows no infinity, no NaN,
// no hexadecimal and no underscores.
func parseNumber(s string) (float64, error) {
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, errNumber
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errNumber
	}
	return f, nil
}

func parseBool(s string) (bool, error) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, nil
	case strings.EqualFold(s, "false"):
		return false, nil
	}
	return false, errBool
}

// parseRange reads a CIDR range, or an address, which stands for itself alone.
func parseRange(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		if p, err := netip.ParsePrefix(s); err == nil {
			return p.Masked(), nil
		}
	} else if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.Prefix{}, errRange
}

func compareDates(a, b string) (int, error) {
	t, errT := parseDate(a)
	u, errU := parseDate(b)
	return t.Compare(u), errors.Join(errT, errU)
}

// parseDate reads the forms of https://www.w3.org/TR/NOTE-datetime, or seconds since
// 1970. Four digits are a year.
func parseDate(s string) (time.Time, error) {
	if len(s) != len("2006") {
		if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
			return time.Unix(seconds, 0), nil
		}
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

var (
	errNumber = errors.New("is not a number")
	errBool   = errors.New("is neither true nor false")
	errRange  = errors.New("is neither an IP address nor a range such as 203.0.113.0/24")
	errDate   = errors.New("is neither a date such as 2026-01-31T12:00:00Z nor seconds since 1970")
)
