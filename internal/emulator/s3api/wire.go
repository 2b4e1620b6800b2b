package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// namespace is that of all S3 documents but errors.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// maxBody bounds requests that are documents. The longest that AWS admits names 10,000
// parts with their checksums, or 1,000 keys of a kilobyte.
const maxBody = 4 << 20

type errorBody struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Extra     []element
	Resource  string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// element is an element whose name is known at run time only.
type element struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// unknown collects the elements that a request's document has and its type does not
// name.
type unknown []struct{ XMLName xml.Name }

func (u unknown) refuse(operation string) error {
	if len(u) == 0 {
		return nil
	}
	return notImplemented(operation + " with element " + u[0].XMLName.Local)
}

func writeXML(w http.ResponseWriter, status int, v any) error {
	raw, err := xml.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, err = w.Write(append([]byte(xml.Header), raw...))
	return err
}

// decode reads the body of the call as one element called root. Trailing data is
// refused, so that no two readers of the body can disagree about it.
func (c *call) decode(root string, into any) error {
	body, err := c.readAll()
	if err != nil {
		return err
	}
	return decodeXML(body, root, into)
}

func decodeXML(body []byte, root string, into any) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	start, err := nextElement(d)
	if err != nil {
		return malformedXML(err)
	}
	if start.Name.Local != root {
		return malformedXML(fmt.Errorf("expected element %s, found %s", root, start.Name.Local))
	}
	if err := d.DecodeElement(into, &start); err != nil {
		return malformedXML(err)
	}
	if _, err := nextElement(d); !errors.Is(err, io.EOF) {
		return malformedXML(errors.New("something follows the root element"))
	}
	return nil
}

// nextElement skips to the next start of an element; text between is an error.
func nextElement(d *xml.Decoder) (xml.StartElement, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return xml.StartElement{}, errors.New("text outside of the root element")
			}
		}
	}
}

// timestamp writes a time as S3's documents do.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *call) noContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
