package registry

import (
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// ClientCode is the record of what a client on the user's machine exchanges for a login.
type ClientCode struct {
	Sum       [sha256.Size]byte
	User      uuid.UUID
	Challenge string // S256 (RFC 7636 §4.2)
	Client    string
	ExpiresAt time.Time
}

// DeviceState is what a user has said of a device.
type DeviceState string

// The states of a device.
const (
	DevicePending  DeviceState = "pending"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
)

// Device is a machine that waits until a user says that it is theirs (RFC 8628).
type Device struct {
	Sum       [sha256.Size]byte // of the device code
	UserCode  string
	Client    string // how it calls itself
	Address   string // where it asked from
	State     DeviceState
	User      uuid.UUID // who approved it
	CreatedAt time.Time
	ExpiresAt time.Time
	// Interval is how long it has to wait between two questions.
	Interval time.Duration
	PolledAt time.Time // zero: never
}

// Network is whom the device's address stands for: of IPv6, who has one has a whole /64.
func (d Device) Network() string {
	at, err := netip.ParseAddr(d.Address)
	if err != nil || at.Unmap().Is4() {
		return d.Address
	}
	return netip.PrefixFrom(at.WithZone(""), 64).Masked().String()
}

// ErrTooSoon means that a device asks more often than it may.
var ErrTooSoon = errors.New("the device asks too often")

// ErrAdministered means that the installation has an administrator already.
var ErrAdministered = errors.New("the installation has an administrator")
