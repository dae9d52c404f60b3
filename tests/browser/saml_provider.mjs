// A SAML identity provider people log in at, by npm samlify: requests by redirect, answers by POST.
// Arguments: port, folder, JSON of people {name: {groups}}. In the folder: idp.key and idp.pem (its key and certificate),
// and for every provider it is configured as, NAME.xml: the metadata the gateway publishes.
// Each NAME is an identity provider of its own, at /NAME/sso: "message" signs the response, "both" signs both, any other
// name the assertion, which is what the gateway's metadata asks for. `later-` in a person's name makes old answers.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import samlify from 'samlify';

const [port, folder, given] = process.argv.slice(2);
const people = JSON.parse(given);
const base = `http://127.0.0.1:${port}`;
const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const { Constants, SamlLib } = samlify;

samlify.setSchemaValidator({ validate: () => Promise.resolve('not looked at: the gateway made it') });

function provider(name) {
  return samlify.IdentityProvider({
    entityID: `${base}/${name}`,
    privateKey: readFileSync(`${folder}/idp.key`, 'utf8'),
    signingCert: readFileSync(`${folder}/idp.pem`, 'utf8'),
    isAssertionEncrypted: false,
    requestSignatureAlgorithm: Constants.algorithms.signature.RSA_SHA256,
    nameIDFormat: [persistent],
    singleSignOnService: [{ Binding: Constants.namespace.binding.redirect, Location: `${base}/${name}/sso` }],
  });
}

function gateway(name) {
  const metadata = readFileSync(`${folder}/${name}.xml`, 'utf8');
  const asked = name === 'message' ? metadata.replace('WantAssertionsSigned="true"', 'WantAssertionsSigned="false"') : metadata;
  return samlify.ServiceProvider({ metadata: asked, wantMessageSigned: name !== 'people' });
}

const escaped = (text) => text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);
const value = (text) => `<saml:AttributeValue xsi:type="xs:string">${escaped(text)}</saml:AttributeValue>`;
const attribute = (name, values) => `<saml:Attribute Name="${name}">${values.map(value).join('')}</saml:Attribute>`;

function answered(idp, sp, request, who) {
  return (template) => {
    const now = Date.now() - (who.startsWith('later-') ? 3600e3 : 0);
    const at = (seconds) => new Date(now + seconds * 1000).toISOString();
    const acs = sp.entityMeta.getAssertionConsumerService('post');
    const id = `_${crypto.randomUUID()}`;
    const told = attribute('groups', people[who]?.groups ?? []) + attribute('displayName', [who]);
    const context = SamlLib.replaceTagsByValue(template, {
      ID: id, AssertionID: `_${crypto.randomUUID()}`, Destination: acs, SubjectRecipient: acs, InResponseTo: request,
      Audience: sp.entityMeta.getEntityID(), Issuer: idp.entityMeta.getEntityID(), IssueInstant: at(0),
      StatusCode: Constants.StatusCode.Success, ConditionsNotBefore: at(-5), ConditionsNotOnOrAfter: at(300),
      SubjectConfirmationDataNotOnOrAfter: at(300), NameIDFormat: persistent, NameID: `id-of-${who}`,
      AuthnStatement: '{AuthnStatement}', AttributeStatement: '{AttributeStatement}',
    });
    const login = `<saml:AuthnStatement AuthnInstant="${at(0)}" SessionIndex="1"><saml:AuthnContext><saml:AuthnContextClassRef>`
      + 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>';
    const statement = `<saml:AttributeStatement>${told}</saml:AttributeStatement>`;
    return { id, context: context.replace('{AuthnStatement}', login).replace('{AttributeStatement}', statement) };
  };
}

async function page(request, body) {
  const url = new URL(request.url, base);
  const [, name, what] = url.pathname.split('/');
  const sent = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams;
  if (what !== 'sso') return `<p>nothing here`;
  const [idp, sp] = [provider(name), gateway(name)];
  const asked = { query: { SAMLRequest: sent.get('SAMLRequest'), RelayState: sent.get('RelayState') } };
  const parsed = await idp.parseLoginRequest(sp, 'redirect', asked);
  if (request.method === 'GET') {
    return `<form method="post"><label>Who <input name="login"></label>
      <input type="hidden" name="SAMLRequest" value="${escaped(sent.get('SAMLRequest'))}">
      <input type="hidden" name="RelayState" value="${escaped(sent.get('RelayState'))}"><button>Sign in</button></form>`;
  }
  const made = answered(idp, sp, parsed.extract.request.id, sent.get('login'));
  const answer = await idp.createLoginResponse(sp, parsed, 'post', {}, { customTagReplacement: made });
  return `<form id="answer" method="post" action="${escaped(answer.entityEndpoint)}">
    <input type="hidden" name="SAMLResponse" value="${answer.context}">
    <input type="hidden" name="RelayState" value="${escaped(sent.get('RelayState'))}"></form>
    <script>document.getElementById('answer').submit()</script>`;
}

createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', async () => {
    try {
      const text = await page(request, body);
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(`<!doctype html><title>provider</title>${text}`);
    } catch (fault) {
      console.log(fault);
      response.writeHead(500).end(String(fault));
    }
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
