// jsforce, a client that shares no code with crmhub, works on the simulated Salesforce. See README.md.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import jsforce from 'jsforce';

const VERSION = '62.0';
const ACCOUNTS = 2500;
const CONTACTS = 30;
const BULK_PAGE = 1000;
const BULK = { pollInterval: 50, pollTimeout: 20_000 };

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
let simulator;
let url;
let known;
let conn;

before(async () => {
  const python = process.env.PYTHON ?? path.join(root, '.venv/bin/python');
  const rows = `Account=${ACCOUNTS},Contact=${CONTACTS},Lead=1`;
  const options = ['--port', '0', '--rows', rows, '--set', `bulk_page_rows=${BULK_PAGE}`, '--json'];
  simulator = spawn(python, ['-m', 'crmhub', 'simulate', 'salesforce', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(readline.createInterface({ input: simulator.stdout }), 'line');
  ({ url, credentials: known } = JSON.parse(line));
  conn = await signedIn();
});

after(() => simulator?.kill());

function app() {
  return { loginUrl: url, clientId: known.client_id, clientSecret: known.client_secret };
}

async function signedIn() {
  const made = new jsforce.Connection({ version: VERSION, instanceUrl: url, oauth2: app() });
  await made.authorize({ grant_type: 'client_credentials' });
  return made;
}

async function refused(work, code) {
  await assert.rejects(work, (error) => {
    assert.equal(error.errorCode ?? error.name, code, error.message);
    return true;
  });
}

// ── signing in ──────────────────────────────────────────────────────────────────────────────────

test('client credentials: it knows who it is', async () => {
  assert.equal(conn.instanceUrl, url);
  const who = await conn.identity();
  assert.equal(who.username, known.username);
  assert.equal(who.organization_id, conn.userInfo.organizationId);
});

test('username and password by OAuth', async () => {
  const other = new jsforce.Connection({ version: VERSION, oauth2: app() });
  const who = await other.login(known.username, known.password + known.security_token);
  assert.equal(who.organizationId, conn.userInfo.organizationId);
  assert.equal((await other.query('SELECT Id FROM Lead')).totalSize, 1);
});

test('username and password by SOAP', async () => {
  const other = new jsforce.Connection({ version: VERSION, loginUrl: url });
  const who = await other.login(known.username, known.password + known.security_token);
  assert.equal(who.organizationId, conn.userInfo.organizationId);
  assert.equal((await other.query('SELECT Id FROM Lead')).totalSize, 1);
});

test('a wrong password and a wrong secret are refused', async () => {
  const other = new jsforce.Connection({ version: VERSION, oauth2: app() });
  await refused(other.login(known.username, 'wrong'), 'invalid_grant');
  const bad = new jsforce.Connection({ version: VERSION, oauth2: { ...app(), clientSecret: 'wrong' } });
  await refused(bad.authorize({ grant_type: 'client_credentials' }), 'invalid_client');
});

test('a session that has ended is renewed by the refresh token, and the call goes on', async () => {
  const other = new jsforce.Connection({
    version: VERSION,
    instanceUrl: url,
    oauth2: app(),
    accessToken: '00Dxx0000000001!ended',
    refreshToken: known.refresh_token,
  });
  assert.equal((await other.query('SELECT Id FROM Lead')).totalSize, 1);
  assert.notEqual(other.accessToken, '00Dxx0000000001!ended');
});

// ── reading ─────────────────────────────────────────────────────────────────────────────────────

test('a query in pages', async () => {
  const first = await conn.query('SELECT Id, Name FROM Account ORDER BY Id');
  assert.deepEqual([first.totalSize, first.records.length, first.done], [ACCOUNTS, 2000, false]);
  const next = await conn.queryMore(first.nextRecordsUrl);
  assert.deepEqual([next.records.length, next.done], [ACCOUNTS - 2000, true]);
  const ids = new Set([...first.records, ...next.records].map((record) => record.Id));
  assert.equal(ids.size, ACCOUNTS);
});

test('all of it by autoFetch', async () => {
  const all = await conn.query('SELECT Id FROM Account').execute({ autoFetch: true, maxFetch: 10_000 });
  assert.equal(all.records.length, ACCOUNTS);
});

test('a query that jsforce builds, with a subquery and a parent', async () => {
  const [account] = await conn
    .sobject('Account')
    .find({ Id: { $ne: null } }, 'Id, Name, CreatedDate')
    .include('Contacts')
    .select('Id, Name, Account.Name')
    .end()
    .sort({ Name: 1 })
    .limit(1);
  assert.equal(account.attributes.type, 'Account');
  assert.ok('Contacts' in account);
});

test('a count and an aggregate', async () => {
  assert.equal(await conn.sobject('Account').count(), ACCOUNTS);
  const { records } = await conn.query('SELECT COUNT(Id) many FROM Contact');
  assert.equal(records[0].many, CONTACTS);
});

test('describes', async () => {
  const one = await conn.describe('Account');
  assert.equal(one.keyPrefix, '001');
  assert.equal(one.fields.find((field) => field.name === 'Name').type, 'string');
  const all = await conn.describeGlobal();
  assert.ok(all.sobjects.some((each) => each.name === 'Opportunity'));
});

test('a search', async () => {
  const made = await conn.sobject('Account').create({ Name: 'Zanzibarium Works' });
  const found = await conn.search('FIND {Zanzibarium} IN ALL FIELDS RETURNING Account(Id, Name)');
  assert.deepEqual(found.searchRecords.map((record) => record.Id), [made.id]);
  await conn.sobject('Account').destroy(made.id);
});

test('limits, and what a reply tells of them', async () => {
  const limits = await conn.limits();
  assert.ok(limits.DailyApiRequests.Max > 0);
  assert.ok(conn.limitInfo.apiUsage.used > 0);
  assert.equal(conn.limitInfo.apiUsage.limit, limits.DailyApiRequests.Max);
});

test('what Salesforce refuses carries its code', async () => {
  await refused(conn.query('SELECT Nonsense FROM Account'), 'INVALID_FIELD');
  await refused(conn.query('SELECT'), 'MALFORMED_QUERY');
  await refused(conn.sobject('Account').retrieve('001000000000000AAA'), 'NOT_FOUND');
});

// ── writing ─────────────────────────────────────────────────────────────────────────────────────

test('a record is made, read, changed and deleted; and is among the deleted', async () => {
  const accounts = conn.sobject('Account');
  const from = new Date(Date.now() - 60_000);
  const made = await accounts.create({ Name: 'Näme "quoted", 😀', NumberOfEmployees: 7 });
  assert.equal(made.success, true);
  const read = await accounts.retrieve(made.id);
  assert.deepEqual([read.Name, read.NumberOfEmployees], ['Näme "quoted", 😀', 7]);
  await accounts.update({ Id: made.id, NumberOfEmployees: null });
  assert.equal((await accounts.retrieve(made.id)).NumberOfEmployees, null);
  await accounts.destroy(made.id);
  await refused(accounts.retrieve(made.id), 'ENTITY_IS_DELETED');
  const gone = await conn.query(`SELECT Id, IsDeleted FROM Account WHERE Id = '${made.id}'`, { scanAll: true });
  assert.equal(gone.records[0].IsDeleted, true);
  const told = await accounts.deleted(from, new Date(Date.now() + 120_000));
  assert.ok(told.deletedRecords.some((record) => record.id === made.id));
});

test('upsert by external id: made, then changed', async () => {
  const contacts = conn.sobject('Contact');
  const key = { External_Id__c: 'js-1' };
  const first = await contacts.upsert({ ...key, LastName: 'One' }, 'External_Id__c');
  const second = await contacts.upsert({ ...key, LastName: 'Two' }, 'External_Id__c');
  assert.deepEqual([first.created, second.created ?? false], [true, false]);
  const { records } = await conn.query("SELECT LastName FROM Contact WHERE External_Id__c = 'js-1'");
  assert.deepEqual(records.map((record) => record.LastName), ['Two']);
  await contacts.destroy(first.id);
});

test('collections: one result for each record', async () => {
  const accounts = conn.sobject('Account');
  const made = await accounts.create([{ Name: 'c1' }, { Phone: '1' }, { Name: 'c3' }]);
  assert.deepEqual(made.map((result) => result.success), [true, false, true]);
  assert.equal(made[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING');
  const ids = [made[0].id, made[2].id];
  const read = await accounts.retrieve(ids);
  assert.deepEqual(read.map((record) => record.Name), ['c1', 'c3']);
  const changed = await accounts.update(ids.map((Id) => ({ Id, Site: 'here' })));
  assert.ok(changed.every((result) => result.success));
  const gone = await accounts.destroy(ids);
  assert.deepEqual(gone.map((result) => result.id), ids);
});

test('more than 200 records, in several calls', async () => {
  const accounts = conn.sobject('Account');
  const names = Array.from({ length: 450 }, (_, at) => ({ Name: `many ${at}` }));
  const made = await accounts.create(names, { allowRecursive: true });
  assert.equal(made.filter((result) => result.success).length, 450);
  const gone = await accounts.destroy(made.map((result) => result.id), { allowRecursive: true });
  assert.equal(gone.filter((result) => result.success).length, 450);
});

test('collections, all or none', async () => {
  const made = await conn.sobject('Account').create([{ Name: 'n1' }, { Phone: '1' }], { allOrNone: true });
  assert.deepEqual(made.map((result) => result.success), [false, false]);
  assert.equal((await conn.query("SELECT Id FROM Account WHERE Name = 'n1'")).totalSize, 0);
});

test('composite: a call that uses the result of the one before', async () => {
  const at = `/services/data/v${VERSION}/sobjects`;
  const reply = await conn.requestPost(`/services/data/v${VERSION}/composite`, {
    allOrNone: true,
    compositeRequest: [
      { method: 'POST', url: `${at}/Account`, referenceId: 'parent', body: { Name: 'composite' } },
      {
        method: 'POST',
        url: `${at}/Contact`,
        referenceId: 'child',
        body: { LastName: 'child', AccountId: '@{parent.id}' },
      },
    ],
  });
  assert.deepEqual(reply.compositeResponse.map((each) => each.httpStatusCode), [201, 201]);
  const { records } = await conn.query("SELECT Id, AccountId FROM Contact WHERE LastName = 'child'");
  assert.equal(records[0].AccountId, reply.compositeResponse[0].body.id);
  await conn.sobject('Contact').destroy(records[0].Id);
  await conn.sobject('Account').destroy(records[0].AccountId);
});

// ── Bulk API 2.0 ────────────────────────────────────────────────────────────────────────────────

test('a bulk query, in pages', async () => {
  const before = await conn.sobject('Account').count();
  const found = await conn.bulk2.query('SELECT Id, Name FROM Account', BULK);
  const rows = await found.toArray();
  const records = rows.filter((row) => row.Id !== 'Id');
  // Every page of results begins with a header; jsforce 3.10.16 takes those after the first for records.
  assert.equal(rows.length - records.length, Math.ceil(before / BULK_PAGE) - 1);
  assert.equal(records.length, before);
  assert.equal(new Set(records.map((record) => record.Id)).size, before);
  assert.ok(records.every((record) => record.Name));
});

test('a bulk query of what there is not is refused', async () => {
  await assert.rejects(conn.bulk2.query('SELECT Nonsense FROM Account', BULK), /No such column 'Nonsense'/);
});

test('bulk ingest: records that are hard to write as CSV, and one that is refused', async () => {
  const input = [
    { Name: 'bulk 1', Description: 'two\nlines, "quoted"' },
    { Name: 'bulk 2', Description: '=1+1' },
    { Name: '', Description: 'no name' },
  ];
  const done = await conn.bulk2.loadAndWaitForResults({
    object: 'Account',
    operation: 'insert',
    input,
    ...BULK,
  });
  assert.deepEqual(
    [done.successfulResults.length, done.failedResults.length, done.unprocessedRecords.length],
    [2, 1, 0],
  );
  assert.match(done.failedResults[0].sf__Error, /^REQUIRED_FIELD_MISSING/);
  const { records } = await conn.query(
    "SELECT Id, Description FROM Account WHERE Name LIKE 'bulk %' ORDER BY Name",
  );
  assert.deepEqual(records.map((record) => record.Description), input.slice(0, 2).map((each) => each.Description));
  const gone = await conn.bulk2.loadAndWaitForResults({
    object: 'Account',
    operation: 'delete',
    input: records.map(({ Id }) => ({ Id })),
    ...BULK,
  });
  assert.equal(gone.successfulResults.length, 2);
});

test('bulk upsert by external id', async () => {
  const job = conn.bulk2.createJob({
    object: 'Contact',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
  });
  await job.open();
  await job.uploadData([{ External_Id__c: 'js-b', LastName: 'Bulk' }]);
  await job.close();
  await job.poll(BULK.pollInterval, BULK.pollTimeout);
  const [made] = await job.getSuccessfulResults();
  assert.equal(String(made.sf__Created), 'true');
  await conn.sobject('Contact').destroy(made.sf__Id);
  await job.delete();
});

// ── Bulk API 1.0 ────────────────────────────────────────────────────────────────────────────────

test('a bulk query of the first version', async () => {
  conn.bulk.pollInterval = 50;
  const rows = await (await conn.bulk.query('SELECT Id, Name FROM Account')).toArray();
  assert.equal(rows.length >= ACCOUNTS, true);
});

test('bulk insert, update and delete of the first version', async () => {
  conn.bulk.pollInterval = 50;
  const made = await conn.bulk.load('Account', 'insert', [{ Name: 'one', Phone: '1' }, { Name: '', Phone: '2' }]);
  assert.deepEqual(made.map((row) => row.success), [true, false]);
  assert.match(made[1].errors[0], /^REQUIRED_FIELD_MISSING/);
  const changed = await conn.bulk.load('Account', 'update', [{ Id: made[0].id, Name: 'two' }]);
  assert.deepEqual(changed.map((row) => row.success), [true]);
  const gone = await conn.bulk.load('Account', 'delete', [{ Id: made[0].id }]);
  assert.deepEqual(gone.map((row) => row.success), [true]);
});

// ── what else jsforce asks ──────────────────────────────────────────────────────────────────────

test('groups, functions of dates, types of parents', async () => {
  const grouped = 'GROUP BY Industry HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC';
  const groups = await conn.query(`SELECT Industry i, COUNT(Id) n FROM Account ${grouped}`);
  assert.equal(groups.records.length > 1, true);
  const dated = await conn.query('SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2024 LIMIT 1');
  assert.equal(dated.records.length, 1);
  const [account] = (await conn.query('SELECT Id FROM Account LIMIT 1')).records;
  const { id } = await conn.sobject('Task').create({ Subject: 'x', WhatId: account.Id });
  const task = await conn.query(`SELECT TYPEOF What WHEN Account THEN Name END FROM Task WHERE Id = '${id}'`);
  assert.equal(task.records[0].What.attributes.type, 'Account');
});

test('a file goes up and comes down', async () => {
  const account = (await conn.query('SELECT Id FROM Account LIMIT 1')).records[0].Id;
  const Body = Buffer.from('file\0').toString('base64');
  const { id } = await conn.sobject('Attachment').create({ ParentId: account, Name: 'a', Body });
  const stream = conn.sobject('Attachment').record(id).blob('Body');
  const parts = [];
  for await (const part of stream) parts.push(part);
  assert.deepEqual(Buffer.concat(parts.map((part) => Buffer.from(part))), Buffer.from('file\0'));
});

test('layouts, what was used lately, how a query would be done', async () => {
  const layouts = await conn.sobject('Account').layouts();
  assert.equal(layouts.layouts.length, 1);
  assert.deepEqual(await conn.recent(), []);
  const { plans } = await conn.query('SELECT Id FROM Account').explain();
  assert.equal(plans[0].sobjectType, 'Account');
});

test('an org without programs', async () => {
  await refused(() => conn.apex.get('/nothing'), 'NOT_FOUND');
});
