import { expect, it } from 'vitest'
import { splitStatements } from '../../../src/stores/sql/migrate-tables.ts'

it('splits a script at the semicolons that end statements, and at no other', () => {
  const statements = [
    'CREATE TABLE a (b TEXT)',
    `INSERT INTO a VALUES ('x;y''; z')`,
    'CREATE FUNCTION f() AS $keyward$ BEGIN a; $1; END; $keyward$',
    'DO $$ BEGIN; END $$',
    '-- why; because\nSELECT 1',
  ]
  expect(splitStatements(`\n${statements.join(';\n\n')};\n`)).toEqual(statements)
  expect(splitStatements(statements.join(';'))).toEqual(statements)
})
