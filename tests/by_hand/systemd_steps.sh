# What tests/by_hand/systemd.py does inside: docs/install.md with a configuration of its own, then start, credential,
# reload, a mistake, drain, crash, and the same for the agent. Ends at the first thing that is not as it should be.
set -eu
cd /src

say() { echo "  ok      $*"; }
must() { "$@" || { echo "  FAILED  $*"; journalctl --no-pager -n 30 -u hoop -u hoop-agent | cut -c1-300; exit 1; }; }
until_true() {
    for _ in $(seq 180); do if "$@" > /dev/null 2>&1; then return 0; fi; sleep 0.5; done
    must "$@"
}
now() { journalctl --sync; journalctl --no-pager -n 1 --show-cursor | sed -n 's/^-- cursor: //p'; }
logged() { journalctl --no-pager -o cat -u "$1" --after-cursor "$2" | grep -q "$3"; }
through() { PGPASSWORD=token-of-ci psql -At "host=127.0.0.1 port=6432 dbname=$1 user=ci sslmode=disable" -c "$2"; }
digest() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

systemctl stop hoop hoop-agent 2> /dev/null || true
rm -rf /var/lib/hoop /var/lib/hoop-agent /etc/hoop
install -m 0644 etc/hoop.sysusers /usr/lib/sysusers.d/hoop.conf
install -m 0644 etc/hoop.tmpfiles /usr/lib/tmpfiles.d/hoop.conf
sed 's/^#LoadCredential=/LoadCredential=/' etc/hoop.service > /etc/systemd/system/hoop.service
systemd-sysusers hoop.conf && systemd-tmpfiles --create hoop.conf
install -m 0644 etc/hoop-agent.sysusers /usr/lib/sysusers.d/hoop-agent.conf
sed 's/^#\(LoadCredential\|SetCredential\)=/\1=/' etc/hoop-agent.service > /etc/systemd/system/hoop-agent.service
systemd-sysusers hoop-agent.conf
usermod -aG hoop hoop-agent
say "accounts and folders"

systemctl start postgresql
until_true sudo -u postgres psql -c 'select 1'
sudo -u postgres psql -q -c "drop database if exists shop" -c "drop role if exists app" \
    -c "create role app login password 'target-password'" -c "create database shop owner app" 2> /dev/null
PGPASSWORD=target-password psql -q "host=127.0.0.1 dbname=shop user=app" \
    -c "create table cards(n text)" -c "insert into cards values ('4111111111111111')"
install -d -m 0700 /etc/hoop/secrets
(umask 077 && printf target-password > /etc/hoop/secrets/shop-password)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout /etc/hoop/tls/hoop.key -out /etc/hoop/tls/hoop.pem 2> /dev/null
chown hoop: /etc/hoop/tls/hoop.key
target() {
    printf '[[targets]]\nname = "%s"\nprotocol = "postgres"\nendpoint = "%s"\ndatabase = "shop"\nlogin = "app"\n' "$1" "$2"
    printf 'secret = "file:/run/credentials/hoop.service/shop-password"\ntls = "disable"\ngroups = ["*"]\n'
}
{
    printf '[gateway]\nurl = "http://127.0.0.1:8080"\nstate = "/var/lib/hoop"\nstop_timeout = "20s"\n'
    printf '[api]\noperators = ["operators"]\n[[agents]]\nname = "office"\n'
    printf '[[accounts]]\nname = "ci"\ntoken_sha256 = "%s"\ngroups = ["ci"]\n' "$(digest token-of-ci)"
    printf '[[accounts]]\nname = "olga"\nkind = "human"\ntoken_sha256 = "%s"\ngroups = ["operators"]\n' "$(digest token-of-olga)"
    printf '[[listeners]]\nname = "pg"\nprotocol = "postgres"\nendpoint = "tcp:6432:interface=127.0.0.1"\ntls = "optional"\n'
    printf '[[listeners]]\nname = "api"\nprotocol = "api"\nendpoint = "tcp:8080:interface=127.0.0.1"\ntls = "optional"\n'
    printf '[[listeners]]\nname = "agents"\nprotocol = "agent"\nendpoint = "tcp:7443:interface=127.0.0.1"\n'
    printf 'certificate = "/etc/hoop/tls/hoop.pem"\nkey = "/etc/hoop/tls/hoop.key"\n'
    target shop tcp:127.0.0.1:5432
    target far agent:office:tcp:127.0.0.1:5432
    printf '[[rules]]\nname = "all"\neffect = "allow"\nclasses = [".*", "dynamic", "unknown"]\n'
    printf '[[masks]]\nname = "cards"\ndetect = ["card"]\n'
} > /etc/hoop/hoop.toml
chown root:hoop /etc/hoop/hoop.toml && chmod 0640 /etc/hoop/hoop.toml

systemctl daemon-reload
began=$(now)
must systemctl start hoop
until_true logged hoop "$began" "hoop is ready"
must test "$(through shop 'select n from cards')" = '*****'
say "started; the password of the target is a credential of the unit"
must test "$(systemctl show hoop -p User --value)" = hoop
must grep -q '^CapBnd:.0*$' "/proc/$(systemctl show hoop -p MainPID --value)/status"

began=$(now)
must systemctl reload hoop
until_true logged hoop "$began" "the configuration was reloaded"
cp -p /etc/hoop/hoop.toml /etc/hoop/kept.toml
echo 'nonsense = 1' >> /etc/hoop/hoop.toml
began=$(now)
systemctl reload hoop
until_true logged hoop "$began" "the configuration was not reloaded"
must test "$(through shop 'select 1')" = 1
mv /etc/hoop/kept.toml /etc/hoop/hoop.toml
say "reloaded; a mistake is told and the old configuration stays"

(through shop "select 'slept', pg_sleep(4)" > /tmp/slept) &
until_true sudo -u postgres psql -Atc "select 1 / count(*) from pg_stat_activity where query like '%pg_sleep(4)' and pid <> pg_backend_pid()"
must systemctl stop hoop
until_true grep -q '^slept|$' /tmp/slept
must test "$(systemctl show hoop -p Result --value)" = success
say "stopped; a statement that ran was finished"

began=$(now)
systemctl start hoop
until_true logged hoop "$began" "hoop is ready"
began=$(now)
kill -KILL "$(systemctl show hoop -p MainPID --value)"
until_true logged hoop "$began" "hoop is ready"
must test "$(through shop 'select 1')" = 1
say "killed, and back by itself"

printf '[agent]\nname = "office"\ngateway = "tls://127.0.0.1:7443"\nstate = "/var/lib/hoop-agent"\nca = "/etc/hoop/tls/hoop.pem"\n' > /etc/hoop/agent.toml
printf 'join_token = "file:/run/credentials/hoop-agent.service/join-token"\n[[allow]]\nhost = "127.0.0.1"\nports = [5432]\n' >> /etc/hoop/agent.toml
chown root:hoop /etc/hoop/agent.toml && chmod 0640 /etc/hoop/agent.toml
(umask 077 && HOOP_URL=http://127.0.0.1:8080 HOOP_TOKEN=token-of-olga hoop agents join-token office --ttl 15m > /etc/hoop/join-token 2> /dev/null)
began=$(now)
must systemctl start hoop-agent
until_true logged hoop-agent "$began" "agent office is connected"
must test "$(through far 'select n from cards')" = '*****'
rm /etc/hoop/join-token
began=$(now)
must systemctl restart hoop-agent
until_true logged hoop-agent "$began" "agent office is connected"
must test "$(through far 'select n from cards')" = '*****'
say "the agent joined, and came back when its token was gone"
systemctl stop hoop-agent hoop
for unit in hoop hoop-agent; do systemd-analyze security "$unit" --no-pager | tail -1; done
