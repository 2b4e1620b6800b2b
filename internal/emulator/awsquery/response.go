package awsquery

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

type response struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	Result    any
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

// Write answers an operation. A nil result is an operation without output, which
// has no Result element; a pointer to an empty struct gives an empty one.
func Write(w http.ResponseWriter, namespace, operation, requestID string, result any) error {
	body := response{
		XMLName:   xml.Name{Local: operation + "Response"},
		Namespace: namespace,
		RequestID: requestID,
	}
	if result != nil {
		body.Result = named{operation + "Result", result}
	}
	return write(w, http.StatusOK, requestID, body)
}

// named gives a value the element name that depends on the operation.
type named struct {
	name  string
	value any
}

// MarshalXML writes the value under its name.
func (n named) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(n.value, xml.StartElement{Name: xml.Name{Local: n.name}})
}

type errorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// WriteError answers with an error.
func WriteError(w http.ResponseWriter, namespace, requestID string, err *api.Error) {
	body := errorResponse{
		Namespace: namespace,
		Type:      "Sender",
		Code:      err.Code,
		Message:   err.Message,
		RequestID: requestID,
	}
	if err.Status >= http.StatusInternalServerError {
		body.Type = "Receiver"
	}
	// The connection is all that can fail here, and there is nobody left to tell.
	_ = write(w, err.Status, requestID, body)
}

func write(w http.ResponseWriter, status int, requestID string, body any) error {
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).Encode(body); err != nil {
		return fmt.Errorf("render answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	h.Set("X-Amzn-RequestId", requestID)
	w.WriteHeader(status)
	_, err := w.Write(out.Bytes())
	return err
}

// Time is a point in time as the protocol writes it: UTC, whole seconds.
type Time time.Time

// MarshalText writes the time in RFC 3339.
func (t Time) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}

// List is a list of answers. An empty one still has its element: clients such as
// botocore leave the whole field out otherwise.
type List[T any] struct {
	Members []T `xml:"member"`
}

// Of makes a List.
func Of[T any](members []T) List[T] { return List[T]{members} }
