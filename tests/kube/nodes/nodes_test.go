package nodes

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestNodePasswordIsKeptAndAnotherRefused(t *testing.T) {
	client := fake.NewClientset()
	if err := EnsurePassword(t.Context(), client, "n", "one"); err != nil {
		t.Fatal(err)
	}
	if err := EnsurePassword(t.Context(), client, "n", "one"); err != nil {
		t.Error(err)
	}
	if err := EnsurePassword(t.Context(), client, "n", "two"); !errors.Is(err, ErrPassword) {
		t.Errorf("another password gave %v", err)
	}
	if err := forgetPassword(t.Context(), client, "n"); err != nil {
		t.Fatal(err)
	}
	if err := EnsurePassword(t.Context(), client, "n", "two"); err != nil {
		t.Errorf("after the node was deleted: %v", err)
	}
}

func TestHashesAreSaltedAndHidePasswords(t *testing.T) {
	one, err := hashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	two, err := hashPassword("secret")
	if err != nil || one == two || strings.Contains(one, "secret") {
		t.Errorf("%q %q %v", one, two, err)
	}
	if !passwordHolds(one, "secret") || passwordHolds(one, "other") || passwordHolds("", "secret") {
		t.Error("the hash answers wrongly")
	}
}

func TestBootstrapTokenExpires(t *testing.T) {
	client := fake.NewClientset()
	for ttl, wanted := range map[time.Duration]string{time.Hour: "live", time.Nanosecond: "dead"} {
		made, err := CreateBootstrapToken(t.Context(), client, ttl, "test")
		if err != nil {
			t.Fatal(err)
		}
		// The fake API keeps StringData as it comes; the real one turns it into Data.
		secret, err := client.CoreV1().Secrets(system).Get(t.Context(), bootstrapPrefix+made.ID, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		secret.Data = map[string][]byte{}
		for key, value := range secret.StringData {
			secret.Data[key] = []byte(value)
		}
		if _, err := client.CoreV1().Secrets(system).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if holds := BootstrapTokenHolds(t.Context(), client, made.ID+"."+made.Secret); holds != (wanted == "live") {
			t.Errorf("a token with ttl %s holds: %v", ttl, holds)
		}
		if BootstrapTokenHolds(t.Context(), client, made.ID+".0000000000000000") {
			t.Error("a wrong secret holds")
		}
	}
}
