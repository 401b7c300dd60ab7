import eslint from '@eslint/js';
import simpleImportSort from 'eslint-plugin-simple-import-sort';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** Node's own modules, then packages, then our own files; no blank lines between them. */
const IMPORT_GROUPS = [['^\\u0000', '^node:', '^@?\\w', '^\\.\\.(?!/?$)', '^\\.\\./?$', '^\\./']];

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'coverage/',
      'docs/',
      'src/metadata.ts',
      '**/dist/',
      'client/src/schema.ts',
      'test/generators/',
    ],
  },
  eslint.configs.recommended,
  {
    plugins: { 'simple-import-sort': simpleImportSort },
    rules: {
      'simple-import-sort/imports': ['error', { groups: IMPORT_GROUPS }],
      'simple-import-sort/exports': 'error',
      // names and lines are checked for control characters on purpose
      'no-control-regex': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    ignores: ['examples/frontend/app.js', 'src/**'],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['examples/frontend/app.js', 'src/openapi/viewer/*.js'],
    languageOptions: { globals: { ...globals.browser, SwaggerUIBundle: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // responses of the API are what a test is about: their type is what it asserts
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
);
