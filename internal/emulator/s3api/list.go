package s3api

import (
	"net/url"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/pagetoken"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxListed is the largest page of a listing of objects, uploads or parts.
const maxListed = 1000

// page is what a listing of objects asks for.
type page struct {
	prefix    string
	delimiter string
	after     string // only what comes after it, in byte order
	limit     int
}

// found is one page of a listing.
type found struct {
	objects  []listedObject
	prefixes []string
	last     string // the last key or common prefix, when truncated
}

type listedObject struct {
	key string
	object
}

// list reads a page. Keys that share what comes before the next delimiter are rolled
// up into one common prefix, and skipped in one step.
func (p page) list(tx state.Tx, bucket string) (found, error) {
	var out found
	if p.limit == 0 {
		return out, nil
	}
	from := max(p.prefix, p.after)
	for {
		skipTo := ""
		err := objects.Scan(tx, objectKey(bucket, from), func(at string, o object) (bool, error) {
			key, ok := strings.CutPrefix(at, objectKey(bucket, ""))
			if !ok || !strings.HasPrefix(key, p.prefix) {
				return false, nil
			}
			if key == p.after && p.after != "" {
				return true, nil
			}
			rolled := p.rollUp(key)
			if rolled != "" && rolled == p.after {
				skipTo = behind(rolled)
				return false, nil
			}
			if len(out.objects)+len(out.prefixes) == p.limit {
				out.last = out.newest()
				return false, nil
			}
			if rolled != "" {
				out.prefixes = append(out.prefixes, rolled)
				skipTo = behind(rolled)
				return false, nil
			}
			out.objects = append(out.objects, listedObject{key, o})
			return true, nil
		})
		if err != nil || skipTo == "" {
			return out, err
		}
		from = skipTo
	}
}

// rollUp returns the common prefix that key belongs to, "" for none.
func (p page) rollUp(key string) string {
	if p.delimiter == "" {
		return ""
	}
	before, _, ok := strings.Cut(key[len(p.prefix):], p.delimiter)
	if !ok {
		return ""
	}
	return p.prefix + before + p.delimiter
}

// behind returns the least string that sorts after all strings with the prefix s.
// Keys are UTF-8, which has no byte 0xFF to overflow.
func behind(s string) string { return s[:len(s)-1] + string([]byte{s[len(s)-1] + 1}) }

// newest returns the last item in order, key or common prefix.
func (f found) newest() string {
	last := ""
	if n := len(f.objects); n > 0 {
		last = f.objects[n-1].key
	}
	if n := len(f.prefixes); n > 0 {
		last = max(last, f.prefixes[n-1])
	}
	return last
}

// toToken makes the token by which a listing goes on after last.
func (c *call) toToken(last string) string { return pagetoken.Make("s3/"+c.op.name, last) }

// afterToken reads the token in a request, "" when there is none.
func (c *call) afterToken() (string, error) {
	token := c.query.Get("continuation-token")
	if token == "" {
		return "", nil
	}
	last, ok := pagetoken.Read("s3/"+c.op.name, token)
	if !ok {
		return "", invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
	}
	return last, nil
}

// textEncoding writes keys into documents: as they are, or percent-encoded, for
// parsers that refuse what XML cannot hold.
type textEncoding string

func (c *call) textEncoding() (textEncoding, error) {
	e := c.query.Get("encoding-type")
	if e != "" && e != "url" {
		return "", invalidArgument("encoding-type", e, "Invalid Encoding Method specified in Request")
	}
	return textEncoding(e), nil
}

func (e textEncoding) write(s string) keyText {
	if e == "" {
		return keyText(s)
	}
	// The slash stays, as S3 writes it; a space is %20, which all decoders understand.
	return keyText(strings.NewReplacer("%2F", "/", "+", "%20").Replace(url.QueryEscape(s)))
}
