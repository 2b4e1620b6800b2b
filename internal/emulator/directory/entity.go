package directory

import "strings"

// The kinds of entities, as they stand in ARNs.
const (
	KindRole   = "role"
	KindUser   = "user"
	KindPolicy = "policy"
)

// Entity names a role or user.
type Entity struct {
	Kind string // KindRole, KindUser
	Name string
}

// CreateRole stores a new role and makes it findable by its unique id.
func CreateRole(tx Tx, r Role) error {
	if err := identities.Put(tx, r.ID, Entity{KindRole, r.Name}); err != nil {
		return err
	}
	return Roles.Put(tx, r.Name, r)
}

// CreateUser stores a new user and makes it findable by its unique id.
func CreateUser(tx Tx, u User) error {
	if err := identities.Put(tx, u.ID, Entity{KindUser, u.Name}); err != nil {
		return err
	}
	return Users.Put(tx, u.Name, u)
}

// PrincipalByID returns the role or user that has the unique id, or ErrNotFound
// when there is none any more.
func PrincipalByID(tx Tx, id string) (Principal, error) {
	entity, err := identities.Get(tx, id)
	if err != nil {
		return Principal{}, err
	}
	p, err := principal(tx, entity)
	if err == nil && p.ID != id {
		return Principal{}, ErrNotFound
	}
	return p, err
}

// PrincipalByARN returns the role or user with that ARN, path included.
func PrincipalByARN(tx Tx, arn string) (Principal, error) {
	kind, name, ok := splitARN(arn)
	if !ok {
		return Principal{}, ErrNotFound
	}
	p, err := principal(tx, Entity{kind, name})
	if err == nil && p.ARN != arn {
		return Principal{}, ErrNotFound
	}
	return p, err
}

// RoleByARN returns the role with that ARN, path included.
func RoleByARN(tx Tx, arn string) (Role, error) {
	kind, name, ok := splitARN(arn)
	if !ok || kind != KindRole {
		return Role{}, ErrNotFound
	}
	r, err := Roles.Get(tx, name)
	if err == nil && r.ARN != arn {
		return Role{}, ErrNotFound
	}
	return r, err
}

func principal(tx Tx, e Entity) (Principal, error) {
	switch e.Kind {
	case KindRole:
		r, err := Roles.Get(tx, e.Name)
		return r.Principal, err
	case KindUser:
		u, err := Users.Get(tx, e.Name)
		return u.Principal, err
	default:
		return Principal{}, ErrNotFound
	}
}

// splitARN returns the kind and name in arn:aws:iam::ACCOUNT:KIND/PATH/NAME.
func splitARN(arn string) (kind, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return "", "", false
	}
	kind, rest, ok := strings.Cut(parts[5], "/")
	return kind, rest[strings.LastIndexByte(rest, '/')+1:], ok
}
