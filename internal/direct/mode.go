package direct

import "fmt"

// Mode says what the operator of an installation thinks of direct transfers. Their URLs
// name the access point, and with it the account (docs/decisions/008).
type Mode string

// The modes.
const (
	Off         Mode = "off"
	Allowed     Mode = "allowed"
	Recommended Mode = "recommended"
)

// UnmarshalText reads a mode. What YAML 1.1 makes of off is off, too.
func (m *Mode) UnmarshalText(text []byte) error {
	switch Mode(text) {
	case "", "false", Off:
		*m = Off
	case Allowed, Recommended:
		*m = Mode(text)
	default:
		return fmt.Errorf("cas.directTransfers is %q: off, allowed or recommended", text)
	}
	return nil
}

func (m Mode) check(ifRecommended bool) error {
	switch {
	case m == Recommended, m == Allowed && !ifRecommended:
		return nil
	case m == Allowed:
		return errNotRecommended
	}
	return errOff
}
