package iamapi

import (
	"context"
	"slices"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type accessKeyXML struct {
	UserName        string
	AccessKeyId     string
	Status          string
	SecretAccessKey string `xml:",omitempty"` // CreateAccessKey only: never told again
	CreateDate      awsquery.Time
}

type accessKeyResult struct{ AccessKey accessKeyXML }

func describeAccessKey(k directory.AccessKey) accessKeyXML {
	view := accessKeyXML{UserName: k.UserName, AccessKeyId: k.ID, Status: "Active", CreateDate: awsquery.Time(k.Created)}
	if k.Inactive {
		view.Status = "Inactive"
	}
	return view
}

func (s *Service) createAccessKey(ctx context.Context, c *call) (any, error) {
	u, err := s.authorizeUser(ctx, c)
	if err != nil {
		return nil, err
	}
	key := directory.NewAccessKey(u.Name, time.Now().UTC().Truncate(time.Second))
	err = s.dir.Update(func(tx directory.Tx) error {
		u, err := directory.Users.Get(tx, u.Name)
		if err != nil {
			return found(err, user().notFound(u.Name))
		}
		if len(u.AccessKeyIDs) >= s.quotas.AccessKeysPerUser {
			return limitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", s.quotas.AccessKeysPerUser)
		}
		u.AccessKeyIDs = append(u.AccessKeyIDs, key.ID)
		if err := directory.AccessKeys.Put(tx, key.ID, key); err != nil {
			return err
		}
		return directory.Users.Put(tx, u.Name, u)
	})
	if err != nil {
		return nil, err
	}
	view := describeAccessKey(key)
	view.SecretAccessKey = key.Secret
	return accessKeyResult{view}, nil
}

type listAccessKeysResult struct {
	UserName          string
	AccessKeyMetadata awsquery.List[accessKeyXML]
	pageEnd
}

func (s *Service) listAccessKeys(ctx context.Context, c *call) (any, error) {
	pg := readPage(c)
	u, err := s.authorizeUser(ctx, c)
	if err != nil {
		return nil, err
	}
	list := collector[accessKeyXML]{page: pg}
	err = s.dir.View(func(tx directory.Tx) error {
		for _, id := range slices.Sorted(slices.Values(u.AccessKeyIDs)) {
			key, err := directory.AccessKeys.Get(tx, id)
			if err != nil {
				return err
			}
			list.add(id, describeAccessKey(key))
		}
		return nil
	})
	return listAccessKeysResult{u.Name, awsquery.Of(list.items), list.end()}, err
}

func (s *Service) updateAccessKey(ctx context.Context, c *call) (any, error) {
	c.Text("Status", awsquery.Limits{Required: true})
	inactive := c.Choice("Status", "Active", "Inactive") == "Inactive"
	return s.changeAccessKey(ctx, c, func(tx directory.Tx, _ directory.User, key directory.AccessKey) error {
		key.Inactive = inactive
		return directory.AccessKeys.Put(tx, key.ID, key)
	})
}

func (s *Service) deleteAccessKey(ctx context.Context, c *call) (any, error) {
	return s.changeAccessKey(ctx, c, func(tx directory.Tx, u directory.User, key directory.AccessKey) error {
		u.AccessKeyIDs = slices.DeleteFunc(u.AccessKeyIDs, func(id string) bool { return id == key.ID })
		if err := directory.AccessKeys.Delete(tx, key.ID); err != nil {
			return err
		}
		return directory.Users.Put(tx, u.Name, u)
	})
}

func (s *Service) changeAccessKey(ctx context.Context, c *call, change func(directory.Tx, directory.User, directory.AccessKey) error) (any, error) {
	id := c.Text("AccessKeyId", awsquery.Limits{Required: true, Min: 16, Max: 128, Match: awsquery.NameText, Pattern: `[\w]+`})
	u, err := s.authorizeUser(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, s.dir.Update(func(tx directory.Tx) error {
		u, err := directory.Users.Get(tx, u.Name)
		if err != nil {
			return found(err, user().notFound(u.Name))
		}
		key, err := directory.AccessKeys.Get(tx, id)
		if err != nil || key.UserName != u.Name {
			return noSuchEntity("The Access Key with id %s cannot be found.", id)
		}
		return change(tx, u, key)
	})
}
