package doctor

import (
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// freshID and otherID are organizations that no installation has, with names as the next
// organization's will be. They never change, and neither does what is said about them.
const (
	freshID = "5f1e8d3a-6c27-4b09-9d4e-2a7c81f0b365"
	otherID = "5f1e8d3a-6c27-4b09-9d4e-2a7c81f0b366"
)

func fresh(in tenancy.Installation) tenancy.Tenant { return example(in, freshID) }
func other(in tenancy.Installation) tenancy.Tenant { return example(in, otherID) }

func example(in tenancy.Installation, text string) tenancy.Tenant {
	id, err := org.ParseID(text)
	if err != nil {
		panic(err) // unreachable: the texts are constants
	}
	return in.Tenant(id)
}

// organization is a session of the base role as the engines mint it.
func organization(in tenancy.Installation, t tenancy.Tenant) asker {
	c := unlimited(in, t)
	c.name = "an organization's session"
	c.identity = []iam.Policy{{Name: "permissions of role " + in.BaseRoleName, Document: in.BaseRolePermissions()}}
	c.session = []iam.Policy{{Name: "session policy", Document: t.SessionPolicy()}}
	c.limited = true
	return c
}

// unlimited is a session of the base role that only the resource's policy holds back.
func unlimited(in tenancy.Installation, t tenancy.Tenant) asker {
	c := named(in.BaseRoleARN())
	c.name = "a session of the base role"
	c.principal = strings.TrimSuffix(c.principal, exampleSession) + t.SessionName()
	c.userID = "AROAEXAMPLE0BASE0ROLE:" + t.SessionName()
	c.tags = t.SessionTags()
	return c
}

// administrator is a role of the account that IAM allows everything.
func administrator(in tenancy.Installation) asker {
	c := named(strings.TrimSuffix(in.RootARN(), "root") + "role/an-administrator")
	c.name = "an administrator of the account"
	return c
}

// outsider is an administrator of another account.
func outsider(in tenancy.Installation) asker {
	in.AccountID = anotherAccount(in)
	c := administrator(in)
	c.name = "an administrator of another account"
	return c
}

func anonymous() asker { return asker{name: "anybody without credentials", principal: iam.Anonymous} }

func anotherAccount(in tenancy.Installation) string {
	if in.AccountID == "000000000000" {
		return "000000000001"
	}
	return "000000000000"
}

const exampleSession = "a-session"

// named is the user, the root user, or a session of the role with this ARN, allowed
// everything by IAM. Wildcards in the ARN stand for some name.
func named(arn string) asker {
	arn = matching(arn)
	c := asker{name: arn, principal: arn, arn: arn, userID: "AIDAEXAMPLE0PRINCIPAL", identity: everythingAllowed()}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return c
	}
	c.account = parts[4]
	if path, ok := strings.CutPrefix(parts[5], "role/"); ok {
		c.role = arn
		c.userID = "AROAEXAMPLE0PRINCIPAL:" + exampleSession
		c.principal = "arn:" + parts[1] + ":sts::" + c.account + ":assumed-role/" + path[strings.LastIndex(path, "/")+1:] + "/" + exampleSession
	}
	return c
}

func everythingAllowed() []iam.Policy {
	return []iam.Policy{{Name: "everything", Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"},
	}}}}}
}
