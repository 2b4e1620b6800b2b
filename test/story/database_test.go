package story

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"database/sql"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
)

func openDatabase(ts *testscript.TestScript) *database.DB {
	db, err := database.Open(context.Background(), ts.MkAbs("data/managedcas.db"))
	ts.Check(err)
	return db
}

// cmdTamper runs "tamper UUID WITH-UUID": whoever got hold of the database gives an
// organization the coordinates of another.
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper UUID WITH-UUID")
	}
	target, err := org.ParseID(args[0])
	ts.Check(err)
	source, err := org.ParseID(args[1])
	ts.Check(err)
	db := openDatabase(ts)
	defer db.Close()
	secrets := secretstore.NewDatabase(db)
	coordinates, err := secrets.Coordinates(context.Background(), source)
	ts.Check(err)
	ts.Check(secrets.PutCoordinates(context.Background(), target, coordinates))
}

// cmdSQL runs "sql STATEMENT": an operator with a database shell changes something by hand,
// which the database may refuse.
func cmdSQL(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] sql STATEMENT")
	}
	db := openDatabase(ts)
	defer db.Close()
	err := db.Transact(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, args[0])
		return err
	})
	if !neg {
		ts.Check(err)
	} else if err == nil {
		ts.Fatalf("the database let it happen")
	}
}

func serverKey(ts *testscript.TestScript) *ecdsa.PrivateKey {
	db := openDatabase(ts)
	defer db.Close()
	keys, err := db.SigningKeys(context.Background(), registry.KeyUseCAS)
	ts.Check(err)
	key, err := x509.ParsePKCS8PrivateKey(keys[0].PKCS8)
	ts.Check(err)
	return key.(*ecdsa.PrivateKey)
}
