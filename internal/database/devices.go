package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/registry"
)

// The devices that may wait at a time: what nobody has signed in for costs a row. One
// address leaves others their place.
const (
	maxDevices     = 1000
	maxDevicesFrom = 100 // one address
)

// slowDown is what a device that asks too often has to wait more (RFC 8628 §3.5).
const slowDown = 5 * time.Second

type deviceRow struct {
	bun.BaseModel `bun:"table:devices"`

	SHA256    string `bun:"sha256,pk"`
	UserCode  string
	Client    string
	Address   string
	Seconds   int64
	State     string
	UserID    string `bun:",nullzero"`
	CreatedAt time.Time
	ExpiresAt time.Time
	PolledAt  time.Time `bun:",nullzero"`
}

func (r deviceRow) device() (registry.Device, error) {
	d := registry.Device{
		UserCode: r.UserCode, Client: r.Client, Address: r.Address, State: registry.DeviceState(r.State),
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), PolledAt: r.PolledAt.UTC(),
		Interval: time.Duration(r.Seconds) * time.Second,
	}
	if n, err := hex.Decode(d.Sum[:], []byte(r.SHA256)); err != nil || n != len(d.Sum) {
		return registry.Device{}, errors.New("read device row: malformed hash")
	}
	if r.UserID != "" {
		var err error
		if d.User, err = uuid.Parse(r.UserID); err != nil {
			return registry.Device{}, fmt.Errorf("read device row: %w", err)
		}
	}
	return d, nil
}

// CreateDevice stores a device that waits, and forgets those whose time is over.
// registry.ErrExists when its user code is taken, registry.ErrUnavailable when too many wait,
// of its address. Of too many in all, it takes the place of one of those that wait in the
// largest number from one network, if it is not of that one itself: of IPv6, whoever asks
// without end has addresses without end.
func (db *DB) CreateDevice(ctx context.Context, d registry.Device) error {
	row := deviceRow{
		SHA256: hex.EncodeToString(d.Sum[:]), UserCode: d.UserCode, Client: d.Client, Address: d.Address,
		Seconds: int64(d.Interval / time.Second), State: string(registry.DevicePending),
		CreatedAt: instant(d.CreatedAt), ExpiresAt: instant(d.ExpiresAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*deviceRow)(nil)).Where("expires_at <= ?", row.CreatedAt).Exec(ctx); err != nil {
			return err
		}
		n, err := tx.NewSelect().Model((*deviceRow)(nil)).Count(ctx)
		if err != nil {
			return err
		}
		same, err := tx.NewSelect().Model((*deviceRow)(nil)).Where("address = ?", row.Address).Count(ctx)
		if err != nil {
			return err
		}
		if same >= maxDevicesFrom {
			return registry.ErrUnavailable
		}
		if n >= maxDevices {
			if err := forgetDeviceOfMost(ctx, tx, d.Network()); err != nil {
				return err
			}
		}
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("create device: %w", classify(err))
	}
	return nil
}

// forgetDeviceOfMost forgets the device that has waited the longest of the network that has the most.
func forgetDeviceOfMost(ctx context.Context, tx bun.Tx, newcomer string) error {
	var rows []deviceRow
	err := tx.NewSelect().Model(&rows).Column("sha256", "address").Where("state = 'pending'").Order("created_at DESC", "sha256").Scan(ctx)
	if err != nil {
		return err
	}
	waiting, oldest := map[string]int{}, map[string]deviceRow{}
	most := newcomer
	for _, row := range rows {
		from := registry.Device{Address: row.Address}.Network()
		oldest[from] = row
		if waiting[from]++; waiting[from] > waiting[most] {
			most = from
		}
	}
	if waiting[most] <= waiting[newcomer]+1 { // each has its share
		return registry.ErrUnavailable
	}
	gone := oldest[most]
	_, err = tx.NewDelete().Model(&gone).WherePK().Exec(ctx)
	return err
}

// DeviceByUserCode returns a device that nobody has decided about, or registry.ErrNotFound.
func (db *DB) DeviceByUserCode(ctx context.Context, userCode string, now time.Time) (registry.Device, error) {
	var row deviceRow
	err := db.read.NewSelect().Model(&row).Where("user_code = ? AND state = 'pending' AND expires_at > ?", userCode, instant(now)).Scan(ctx)
	if err != nil {
		return registry.Device{}, fmt.Errorf("read device: %w", classify(err))
	}
	return row.device()
}

// DecideDevice records what a user says of a device; registry.ErrNotFound when it does not
// wait any more.
func (db *DB) DecideDevice(ctx context.Context, userCode string, user uuid.UUID, state registry.DeviceState, now time.Time) error {
	result, err := db.write.NewUpdate().Model((*deviceRow)(nil)).Set("state = ?", string(state)).Set("user_id = ?", user.String()).
		Where("user_code = ? AND state = 'pending' AND expires_at > ?", userCode, instant(now)).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("decide about device: %w", err)
	}
	return nil
}

// PollDevice returns how it stands about a device, and forgets it when that is decided: an
// approval is told once. registry.ErrTooSoon when its interval is not over, which becomes
// longer; registry.ErrNotFound when it does not wait.
func (db *DB) PollDevice(ctx context.Context, sum [sha256.Size]byte, now time.Time) (registry.Device, error) {
	var d registry.Device
	var soon bool
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row deviceRow
		err := tx.NewSelect().Model(&row).Where("sha256 = ? AND expires_at > ?", hex.EncodeToString(sum[:]), instant(now)).Scan(ctx)
		if err != nil {
			return err
		}
		if d, err = row.device(); err != nil {
			return err
		}
		interval := d.Interval
		if soon = !d.PolledAt.IsZero() && now.Sub(d.PolledAt) < interval; soon {
			interval += slowDown
		} else if d.State != registry.DevicePending {
			_, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx)
			return err
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Set("polled_at = ?", instant(now)).Set("seconds = ?", int64(interval/time.Second)).Exec(ctx)
		return err
	})
	if err != nil {
		return registry.Device{}, fmt.Errorf("poll device: %w", classify(err))
	}
	if soon {
		return registry.Device{}, registry.ErrTooSoon
	}
	return d, nil
}
