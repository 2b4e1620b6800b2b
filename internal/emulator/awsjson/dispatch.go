package awsjson

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Dispatch is the part of a service that all services of this protocol have alike: it
// implements api.Emulated, for a service to embed. Every field is required.
type Dispatch struct {
	Service      string // as AWS's error texts and policies call it, "kms"
	TargetPrefix string // begins the X-Amz-Target header of its requests
	MaxBody      int64  // of a request, in bytes
	Handlers     map[string]Handler
	// InOwnTerms translates the gate's refusal, which reads the same for every service.
	InOwnTerms func(error) error
	Log        *slog.Logger
}

var _ api.Emulated = (*Dispatch)(nil)

// Operations implements api.Emulated.
func (d *Dispatch) Operations() []string { return slices.Collect(maps.Keys(d.Handlers)) }

// Operation implements api.Emulated. It also names operations that Serve refuses.
func (d *Dispatch) Operation(r *http.Request) string { return Operation(r, d.TargetPrefix) }

// Serve implements api.Emulated.
func (d *Dispatch) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	name := d.Operation(r)
	serve, ok := d.Handlers[name]
	if !ok {
		return api.NotImplemented(d.Service, name)
	}
	body, err := Read(req.Body, d.MaxBody)
	if err != nil {
		return err
	}
	out, err := serve(r.Context(), req.Caller, body)
	if err != nil {
		return d.InOwnTerms(err)
	}
	return Write(w, http.StatusOK, out)
}

// WriteError implements api.Emulated.
func (d *Dispatch) WriteError(w http.ResponseWriter, _ *http.Request, requestID string, err *api.Error) {
	if werr := WriteError(w, err); werr != nil {
		d.Log.Debug("client left before the error was sent", slog.String("requestId", requestID), slog.Any("error", werr))
	}
}
