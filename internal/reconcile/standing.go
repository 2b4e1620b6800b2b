package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Standing is where it is written down how an organization stands, for people to read.
type Standing interface {
	Conditions(ctx context.Context, id org.ID) ([]registry.Condition, error)
	// Report writes conditions that changed, and events.
	Report(ctx context.Context, id org.ID, conditions []registry.Condition, events ...registry.Event) error
	// Probes is registry.ErrNotFound before the first.
	Probes(ctx context.Context, id org.ID) (registry.Probes, error)
	SaveProbes(ctx context.Context, id org.ID, p registry.Probes) error
	// ProbesDue returns up to limit organizations whose next probe is due, or is put off for
	// longer than that.
	ProbesDue(ctx context.Context, longest time.Duration, limit int) ([]org.ID, error)
}

// The reasons of conditions and events that are not a probe's.
const (
	provisioning = "Provisioning"
	complete     = "Complete"
	inSync       = "InSync"
	drifted      = "Drifted"
	deleting     = "Deleting"
	deleted      = "Deleted"
	needsHelp    = "NeedsOperator"
	unobserved   = "NotObserved"
	changedSince = "PoliciesChanged"
)

const differs = "not as it should be: "

func condition(of registry.ConditionType, status registry.ConditionStatus, reason, message string) registry.Condition {
	return registry.Condition{Type: of, Status: status, Reason: reason, Message: message}
}

// changing reports what a plan is about to change, before anything of it happens: whoever
// stops in between leaves an organization that counts as unproven.
func (r *Reconciler) changing(ctx context.Context, o org.Organization, plan []Step) error {
	if r.cfg.Standing == nil || len(plan) == 0 {
		return nil
	}
	kinds := kindsOf(plan)
	what := differs + strings.Join(kinds, ", ")
	var conditions []registry.Condition
	var events []registry.Event
	switch {
	case gone(o):
		const message = "the storage is being taken away"
		conditions = []registry.Condition{
			condition(registry.Provisioned, registry.False, deleting, message),
			condition(registry.PolicyInSync, registry.Unknown, deleting, message),
			condition(registry.Reachable, registry.Unknown, deleting, message),
		}
		events = []registry.Event{{Reason: deleting, Message: message}}
	case o.State == org.Pending:
		const message = "the storage is being made"
		conditions = []registry.Condition{
			condition(registry.Provisioned, registry.False, provisioning, message),
			condition(registry.PolicyInSync, registry.Unknown, provisioning, message),
		}
	default:
		for _, of := range affected(plan) {
			conditions = append(conditions, condition(of, registry.False, drifted, what))
		}
		events = []registry.Event{{Reason: "DriftFound", Message: what}}
	}
	if r.cfg.Prober != nil && reachChanges(plan) {
		if !gone(o) {
			conditions = append(conditions, condition(registry.Reachable, registry.Unknown, changedSince, "no probe was made since something was changed"))
		}
		if err := r.cfg.Standing.SaveProbes(ctx, o.ID, registry.Probes{Next: time.Now()}); err != nil {
			return err
		}
	}
	return r.cfg.Standing.Report(ctx, o.ID, conditions, events...)
}

// settle records that there is nothing left to do. An organization is ready when probes
// say so; until then the error says when to look again.
func (r *Reconciler) settle(ctx context.Context, o org.Organization) error {
	if gone(o) {
		return r.settleGone(ctx, o)
	}
	if err := r.reportInSync(ctx, o.ID); err != nil {
		return err
	}
	v, err := r.prove(ctx, o)
	if err != nil {
		return err
	}
	if o.State != v.state || o.Reason != v.reason {
		if _, err := r.cfg.Organizations.SetOrganizationState(ctx, o.ID, v.state, v.reason); err != nil {
			return err
		}
		if o.State != v.state && r.cfg.Standing != nil {
			event := registry.Event{Reason: "Ready", Message: "artifacts can be stored"}
			if v.state == org.Degraded {
				event = registry.Event{Reason: "Degraded", Message: v.message}
			}
			if err := r.cfg.Standing.Report(ctx, o.ID, nil, event); err != nil {
				return err
			}
		}
	}
	return v.again
}

// settleGone records that an organization is deleted. Its report is compared even if it
// is recorded already: whoever recorded it may have ended before the report.
func (r *Reconciler) settleGone(ctx context.Context, o org.Organization) error {
	if o.State != org.Deleted {
		if _, err := r.cfg.Organizations.SetOrganizationState(ctx, o.ID, org.Deleted, ""); err != nil {
			return err
		}
	}
	if r.cfg.Standing == nil {
		return nil
	}
	const message = "the organization has no storage any more"
	conditions := []registry.Condition{
		condition(registry.Provisioned, registry.False, deleted, message),
		condition(registry.PolicyInSync, registry.Unknown, deleted, message),
		condition(registry.Reachable, registry.Unknown, deleted, message),
	}
	before, err := r.cfg.Standing.Conditions(ctx, o.ID)
	if err != nil {
		return err
	}
	var events []registry.Event
	told := func(c registry.Condition) bool { return c.Type == registry.Provisioned && c.Reason == deleted }
	if !slices.ContainsFunc(before, told) {
		events = []registry.Event{{Reason: deleted, Message: message}}
	}
	return r.cfg.Standing.Report(ctx, o.ID, conditions, events...)
}

// reportInSync reports that everything is there and right, and what it was before.
func (r *Reconciler) reportInSync(ctx context.Context, id org.ID) error {
	if r.cfg.Standing == nil {
		return nil
	}
	before, err := r.cfg.Standing.Conditions(ctx, id)
	if err != nil {
		return err
	}
	var events []registry.Event
	was := map[registry.ConditionType]registry.Condition{}
	for _, c := range before {
		was[c.Type] = c
		what, isDrift := strings.CutPrefix(c.Message, differs)
		repaired := registry.Event{Reason: "DriftRepaired", Message: "as it should be again: " + what}
		if isDrift && !slices.Contains(events, repaired) {
			events = append(events, repaired)
		}
	}
	if p := was[registry.Provisioned]; p.Status != registry.True && p.Reason != drifted {
		events = append(events, registry.Event{Reason: "Provisioned", Message: "the storage was made"})
	}
	return r.cfg.Standing.Report(ctx, id, []registry.Condition{
		condition(registry.Provisioned, registry.True, complete, "everything that the organization needs exists"),
		condition(registry.PolicyInSync, registry.True, inSync, "the policies are as they should be"),
	}, events...)
}

// degrade records that an organization needs an operator. The reason is for the operator;
// clients see that there is one.
func (r *Reconciler) degrade(ctx context.Context, id org.ID, beyond *BeyondRepair) error {
	before, err := r.cfg.Organizations.OrganizationByID(ctx, id)
	if err != nil {
		return err
	}
	level := slog.LevelError
	if before.State == org.Degraded && before.Reason == beyond.Error() {
		level = slog.LevelDebug // said when it began; metrics and conditions go on to say it
	}
	r.cfg.Log.Log(ctx, level, "organization needs an operator", "org", id, "name", before.Name, "reason", beyond.Error())
	o, err := r.cfg.Organizations.SetOrganizationState(ctx, id, org.Degraded, beyond.Error())
	if err != nil || r.cfg.Standing == nil {
		return err
	}
	const message = "provisioning stopped; the operator knows why"
	known, err := r.cfg.Standing.Conditions(ctx, id)
	if err != nil {
		return err
	}
	report := condition(registry.Provisioned, registry.False, needsHelp, message)
	var events []registry.Event
	if !slices.ContainsFunc(known, func(c registry.Condition) bool { return c.Type == report.Type && c.Reason == needsHelp }) {
		events = append(events, registry.Event{Reason: "Degraded", Message: message})
	}
	if r.cfg.Prober != nil { // whoever repairs it may change what probes have proved
		if err := r.cfg.Standing.SaveProbes(ctx, o.ID, registry.Probes{Next: time.Now().Add(r.cfg.ProbeInterval)}); err != nil {
			return err
		}
	}
	return r.cfg.Standing.Report(ctx, id, []registry.Condition{report}, events...)
}

// done counts a step that was made, if it was a repair.
func (r *Reconciler) done(o org.Organization, step Step) {
	if !gone(o) && o.State != org.Pending {
		r.metrics.repairs.WithLabelValues(label(step)).Inc()
	}
}

// outcome counts how a reconciliation ended and reports that nothing is known when it
// failed. It returns err unless that only says when to look again.
func (r *Reconciler) outcome(ctx context.Context, id org.ID, began time.Time, err error) error {
	r.metrics.reconciled(err, time.Since(began))
	if _, again := errors.AsType[*Again](err); again {
		return nil
	}
	if err == nil || errors.Is(ctx.Err(), context.Canceled) || r.cfg.Standing == nil || errors.Is(err, registry.ErrNotFound) {
		return err
	}
	report, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
	defer cancel()
	unknown := condition(registry.PolicyInSync, registry.Unknown, unobserved, "what there is could not be looked at")
	return errors.Join(err, r.cfg.Standing.Report(report, id, []registry.Condition{unknown}))
}

const reportTimeout = 5 * time.Second
