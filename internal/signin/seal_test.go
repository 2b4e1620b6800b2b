package signin

import (
	"testing"
	"time"
)

func TestSealedValuesAreForOnePurposeAndTime(t *testing.T) {
	t.Parallel()
	s, err := newSeal("sixteen bytes ok")
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSeal("sixteen bytes no")
	if err != nil {
		t.Fatal(err)
	}
	good, err := s.close("purpose", "value", time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	late, err := s.close("purpose", "value", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	last := "A"
	if good[len(good)-2:len(good)-1] == last {
		last = "B"
	}
	changed := good[:len(good)-2] + last + good[len(good)-1:]
	for what, tc := range map[string]struct {
		seal          *seal
		purpose, text string
		ok            bool
	}{
		"as it is": {s, "purpose", good, true}, "for another purpose": {s, "another", good, false}, "too late": {s, "purpose", late, false},
		"with another key": {other, "purpose", good, false}, "changed": {s, "purpose", changed, false}, "cut": {s, "purpose", good[:10], false},
		"nothing": {s, "purpose", "", false}, "no base64": {s, "purpose", "!", false},
	} {
		var value string
		if err := tc.seal.open(tc.purpose, tc.text, &value); (err == nil) != tc.ok || tc.ok && value != "value" {
			t.Errorf("%s: %q, %v", what, value, err)
		}
	}
}
