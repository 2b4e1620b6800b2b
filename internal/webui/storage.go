package webui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// How often a page with something pending asks how it is, and how often after a minute: by
// then somebody has to look after it.
const (
	soon      = time.Second
	patiently = 10 * time.Second
	impatient = time.Minute
)

// shownEvents is how many events a page has, as a table of the command line client.
const shownEvents = 8

// organization is one as pages show it.
type organization struct {
	ID, Name, State, Reason string
	Created                 *timestamppb.Timestamp
}

var states = map[managedcasv1.Organization_State]string{
	managedcasv1.Organization_STATE_PENDING:  "pending",
	managedcasv1.Organization_STATE_READY:    "ready",
	managedcasv1.Organization_STATE_DEGRADED: "degraded",
	managedcasv1.Organization_STATE_DELETING: "deleting",
	managedcasv1.Organization_STATE_DELETED:  "deleted",
}

func organizationOf(o *managedcasv1.Organization) organization {
	return organization{o.GetId(), o.GetName(), states[o.GetState()], sentence(o.GetReason()), o.GetCreatedAt()}
}

// Path is of the organization's first page.
func (o organization) Path() string { return storagePath(o.Name) }

// Members is the path of the page of its members.
func (o organization) Members() string {
	return "/organizations/" + url.PathEscape(o.Name) + "/members"
}

// changing reports whether the organization is on its way from one state to another.
func (o organization) changing() bool { return o.State == "pending" || o.State == "deleting" }

// storage is the page of an organization's storage backends. While something is pending,
// the page asks for itself again.
type storage struct {
	Organization organization
	Backends     []backend
	Conditions   []*managedcasv1.Condition
	Events       []*managedcasv1.Event
	Tab          string
	Again        string // path of what comes next, with what is seen already; "": settled
	Every        string // e.g. 1s
}

// backend is a storage backend as it is shown.
type backend struct {
	Name, Label, Provider, Description, Status, Error, Largest string
	Default, Fallback, Offer                                   bool
}

func (p *Pages) showStorage(ctx context.Context, w http.ResponseWriter, r *http.Request, who visitor) error {
	s, err := p.storageOf(ctx, r.PathValue("name"), who)
	if err != nil {
		return err
	}
	every := s.interval(time.Now())
	if every > 0 {
		seen := s.sum(every)
		if partly(r) && r.URL.Query().Get("seen") == seen {
			// Nothing is put in the place of the same: who reads or listens is not disturbed.
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		s.Again, s.Every = s.Organization.Path()+"?seen="+seen, fmt.Sprintf("%ds", int(every.Seconds()))
	}
	if partly(r) {
		return p.showPart(w, "storage", "part", s)
	}
	return p.show(w, http.StatusOK, "storage", content{Title: s.Organization.Name + ": Storage Backends", Who: who, Refresh: int(every.Seconds()), Page: s})
}

// storageOf asks how an organization's storage is.
func (p *Pages) storageOf(ctx context.Context, name string, who visitor) (storage, error) {
	described, err := p.api.admin.Describe(ctx, &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: name})
	if err != nil {
		return storage{}, err
	}
	list, err := p.api.backends.List(ctx, &controlplanev1.CASBackendServiceListRequest{})
	if err != nil {
		return storage{}, err
	}
	s := storage{Organization: organizationOf(described.GetOrganization()), Conditions: described.GetConditions(), Events: described.GetEvents(), Tab: "storage"}
	s.Events = s.Events[:min(len(s.Events), shownEvents)]
	for _, item := range list.GetResult() {
		s.Backends = append(s.Backends, backendOf(item, who.governs()))
	}
	return s, nil
}

func backendOf(item *controlplanev1.CASBackendItem, governs bool) backend {
	b := backend{
		Name: item.GetName(), Label: item.GetLocation(), Provider: item.GetProvider(), Description: item.GetDescription(),
		Error: sentence(item.GetValidationError()), Largest: size(item.GetLimits().GetMaxBytes()),
		Default: item.GetDefault(), Fallback: item.GetFallback(), Status: "pending",
	}
	switch item.GetValidationStatus() {
	case controlplanev1.CASBackendItem_VALIDATION_STATUS_OK:
		b.Status = "valid"
	case controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID:
		b.Status = "invalid"
	}
	b.Offer = governs && !b.Default && b.Status == "valid"
	return b
}

// interval is how often to ask again; 0: everything is settled.
func (s storage) interval(now time.Time) time.Duration {
	pending := s.Organization.changing()
	for _, b := range s.Backends {
		pending = pending || b.Status == "pending"
	}
	switch {
	case !pending:
		return 0
	case now.Sub(s.Organization.Created.AsTime()) > impatient:
		return patiently
	}
	return soon
}

// sum tells whether a part of the page is the one that the browser has.
func (s storage) sum(every time.Duration) string {
	text, err := json.Marshal(struct {
		S     storage
		Every time.Duration
	}{s, every})
	if err != nil {
		panic("webui: " + err.Error()) // it has only strings, numbers and messages
	}
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:8])
}

// makeDefault has new artifacts go to another storage backend.
func (p *Pages) makeDefault(ctx context.Context, w http.ResponseWriter, r *http.Request, _ visitor) error {
	isDefault := true
	if _, err := p.api.backends.Update(ctx, &controlplanev1.CASBackendServiceUpdateRequest{
		Name: strings.TrimSpace(r.PostFormValue("default")), Default: &isDefault,
	}); err != nil {
		return err
	}
	http.Redirect(w, r, storagePath(r.PathValue("name")), http.StatusSeeOther)
	return nil
}

// size shows a number of bytes in the largest unit of which it has one, to a tenth.
func size(bytes int64) string {
	if bytes <= 0 {
		return "any size"
	}
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	n, unit := float64(bytes), 0
	for n >= 1024 && unit < len(units)-1 {
		n, unit = n/1024, unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + " " + units[unit]
}
